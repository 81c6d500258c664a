#include "transfer/challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;

// "scheme(token68){name=value;…}" for each challenge.
std::string Show(const std::vector<Challenge>& challenges) {
  std::string text;
  for (const Challenge& challenge : challenges) {
    absl::StrAppend(&text, text.empty() ? "" : " ", challenge.scheme);
    if (!challenge.token68.empty()) absl::StrAppend(&text, "(", challenge.token68, ")");
    absl::StrAppend(&text, "{");
    for (const auto& [name, value] : challenge.parameters) {
      absl::StrAppend(&text, name, "=", value, ";");
    }
    absl::StrAppend(&text, "}");
  }
  return text;
}

struct Case {
  std::string header, want;
};

TEST(ChallengeTest, ParsesTheGrammar) {
  for (
      const Case& test : std::vector<Case>{
          {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull")",
           "bearer{realm=https://auth.docker.io/token;scope=repository:library/alpine:pull;service="
           "registry.docker.io;}"},
          {R"(Basic realm="registry")", "basic{realm=registry;}"},
          {R"(BASIC Realm=plain)", "basic{realm=plain;}"},
          {R"(Bearer realm="r", scope="repository:a:pull,push")",
           "bearer{realm=r;scope=repository:a:pull,push;}"},
          {R"(Bearer realm = "r" , service = s)", "bearer{realm=r;service=s;}"},
          {R"(Basic realm="a", Bearer realm="b",service="c")",
           "basic{realm=a;} bearer{realm=b;service=c;}"},
          {R"(Negotiate, Basic realm="x")", "negotiate{} basic{realm=x;}"},
          {R"(Negotiate YWJj==, Basic realm="x")", "negotiate(YWJj==){} basic{realm=x;}"},
          {R"(Basic realm="say \"hi\" \\")", "basic{realm=say \"hi\" \\;}"},
          {R"(, ,Basic realm="x", ,)", "basic{realm=x;}"},
          {R"(Basic realm="first", realm="second")", "basic{realm=first;}"},
          {R"(Basic realm="")", "basic{realm=;}"},
          {"", ""}}) {
    const auto got = ParseChallenges(test.header);
    ASSERT_OK(got);
    EXPECT_EQ(Show(*got), test.want) << test.header;
  }
}

TEST(ChallengeTest, RefusesTheRest) {
  for (const std::string header :
       {R"(realm="x")", R"(Basic realm="x)", R"(Basic realm="x\)", R"(Basic realm="x" y="z")",
        R"(="x")", R"(Basic a=b, realm=,)", R"(Basic "x")", R"(Basic@x)", R"(N a==, realm="x")"}) {
    EXPECT_THAT(ParseChallenges(header), StatusIs(absl::StatusCode::kInvalidArgument)) << header;
  }
  EXPECT_THAT(ParseChallenges(std::string(20000, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::transfer
