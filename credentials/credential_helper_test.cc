#include "credentials/credential_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CredentialHelpersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    setenv("PATH", absl::StrCat(directory_->path(), ":/usr/bin:/bin").c_str(), 1);
    setenv("DIR", directory_->path().c_str(), 1);
  }
  // docker-credential-h with `body`; what it reads is appended to the file calls, each with a line.
  void Helper(const std::string& body) {
    ASSERT_OK(base::WriteFileAtomically(
        base::JoinPath(directory_->path(), "docker-credential-h"),
        absl::StrCat("#!/bin/sh\nIFS= read -r in\necho \"$1 $in\" >> $DIR/calls\n", body, "\n"),
        0755));
  }
  std::string Calls() {
    return base::ReadFile(base::JoinPath(directory_->path(), "calls")).value_or("");
  }

  std::optional<base::TemporaryDirectory> directory_;
  base::testing::FakeClock clock_;
  CredentialHelpers helpers_{&clock_};
};

TEST_F(CredentialHelpersTest, AnswersAreKeptForMinutes) {
  Helper(R"(echo '{"ServerURL":"reg","Username":"alice","Secret":"p"}')");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] { EXPECT_OK(helpers_.Get("h", "reg")); });
  }
  threads.clear();
  EXPECT_EQ(Calls(), "get reg\n");
  ASSERT_OK_AND_ASSIGN(const auto found, helpers_.Get("h", "reg"));
  EXPECT_EQ(found->username, "alice");
  EXPECT_EQ(found->password.Reveal(), "p");
  EXPECT_EQ(found->origin, "docker-credential-h");
  clock_.Advance(absl::Minutes(5));
  EXPECT_OK(helpers_.Get("h", "reg"));
  EXPECT_EQ(Calls(), "get reg\nget reg\n");
}

TEST_F(CredentialHelpersTest, NoneIsKeptForSecondsOnly) {
  Helper("echo credentials not found in native keychain; exit 1");
  ASSERT_OK_AND_ASSIGN(auto found, helpers_.Get("h", "reg"));
  EXPECT_FALSE(found.has_value());
  Helper(R"(echo '{"Username":"<token>","Secret":"t"}')");
  clock_.Advance(absl::Seconds(10));
  ASSERT_OK_AND_ASSIGN(found, helpers_.Get("h", "reg"));
  EXPECT_EQ(found->identity_token.Reveal(), "t");
  EXPECT_EQ(found->username, "");
}

TEST_F(CredentialHelpersTest, StoringAndErasingForgetWhatWasKnown) {
  Helper(R"(if [ $1 = get ]; then echo '{"Username":"u","Secret":"p"}'; fi)");
  EXPECT_OK(helpers_.Get("h", "reg"));
  EXPECT_OK(helpers_.Store("h", "reg", Credential{"bob", base::Secret("x"), ""}));
  EXPECT_OK(helpers_.Get("h", "reg"));
  EXPECT_OK(helpers_.Erase("h", "reg"));
  EXPECT_EQ(Calls(),
            "get reg\nstore {\"Secret\":\"x\",\"ServerURL\":\"reg\",\"Username\":\"bob\"}\n"
            "get reg\nerase reg\n");
}

TEST_F(CredentialHelpersTest, FailuresShowNoSecret) {
  struct Case {
    std::string body, want;
  };
  for (const Case& test : std::vector<Case>{
           {"echo pin wrong >&2; exit 2", "exit code 2: `pin wrong`"},
           {"echo no agent; exit 1", "exit code 1: `no agent`"},
           {R"(echo '{"Username":"u","Secret":"sesame"}'; exit 1)", "exit code 1; try"},
           {"echo sesame", "not a JSON object"},
           {R"(echo '{"Username":"","Secret":"sesame"}')", "no `Username`"},
           {"kill -9 $$", "exit code 137"},
           {"head -c 300000 /dev/zero", "more than"}}) {
    Helper(test.body);
    clock_.Advance(absl::Hours(1));
    const absl::Status status = helpers_.Get("h", "reg").status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("reg"), HasSubstr("docker-credential-h"), HasSubstr(test.want),
                      Not(HasSubstr("sesame"))));
  }
}

TEST_F(CredentialHelpersTest, AHelperThatHangsIsEnded) {
  Helper("sleep 100");
  const CredentialHelpers hasty(&clock_, absl::Milliseconds(200));
  EXPECT_THAT(hasty.Get("h", "reg"),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("docker-credential-h")));
}

}  // namespace
}  // namespace stevedore::credentials
