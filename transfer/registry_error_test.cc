#include "transfer/registry_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  int http_status;
  std::string body;
  absl::StatusCode code;
  std::string text;
};

TEST(StatusFromAnswerTest, SaysCodeCauseAndRemedy) {
  ErrorContext context{
      .doing = "GET http://reg/v2/a/manifests/1", .registry = "reg", .access = "pull from a"};
  for (const Case& test : std::vector<Case>{
           {401, "", absl::StatusCode::kUnauthenticated,
            "run stevedore-cli login reg (or docker login reg)"},
           {403, R"({"errors":[{"code":"DENIED","message":"no"}]})",
            absl::StatusCode::kPermissionDenied, "does not let an anonymous user pull from a"},
           {404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})",
            absl::StatusCode::kNotFound, "`MANIFEST_UNKNOWN` `manifest unknown`"},
           {400, R"({"errors":[{"code":"DIGEST_INVALID"}]})", absl::StatusCode::kDataLoss,
            "not what was announced"},
           {400, R"({"errors":[{"code":"MANIFEST_INVALID"}]})", absl::StatusCode::kInvalidArgument,
            "MANIFEST_INVALID"},
           {400, "Client sent an HTTP request to an HTTPS server.\n",
            absl::StatusCode::kPermissionDenied, "TLS only"},
           {405, "", absl::StatusCode::kUnimplemented, "HTTP 405"},
           {413, "", absl::StatusCode::kResourceExhausted, "HTTP 413"},
           {429, "slow down", absl::StatusCode::kUnavailable, "`slow down`"},
           {500, "[[[", absl::StatusCode::kUnavailable, "`[[[`"},
           {507, "", absl::StatusCode::kResourceExhausted, "HTTP 507"},
           {302, "", absl::StatusCode::kInternal, "HTTP 302"}}) {
    const absl::Status status = StatusFromAnswer(context, test.http_status, test.body);
    EXPECT_EQ(status.code(), test.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.text));
    EXPECT_THAT(std::string(status.message()), HasSubstr(context.doing));
  }
}

TEST(StatusFromAnswerTest, TellsAWrongPasswordFromAMissingRight) {
  ErrorContext context{
      .doing = "PUT x",
      .registry = "reg",
      .access = "push to a",
      .credential = credentials::Credential{"bob", base::Secret("sesame"), "file"}};
  absl::Status status = StatusFromAnswer(context, 401, "");
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("wrong password for user `bob` of reg (from file)"),
                               Not(HasSubstr("sesame"))));
  context.identity_accepted = true;
  status = StatusFromAnswer(context, 401, "");
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not let user `bob` push to a"));
}

TEST(RetryAfterTest, TakesSecondsAndDates) {
  const absl::Time now = absl::FromUnixSeconds(1445412480);  // 2015-10-21T07:28:00Z
  EXPECT_EQ(RetryAfter({{"Retry-After", "7"}}, now), absl::Seconds(7));
  EXPECT_EQ(RetryAfter({{"Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT"}}, now), absl::Seconds(30));
  EXPECT_EQ(RetryAfter({{"Retry-After", "Wed, 21 Oct 2015 07:00:00 GMT"}}, now),
            absl::ZeroDuration());
  EXPECT_EQ(RetryAfter({{"Retry-After", "soon"}}, now), std::nullopt);
  EXPECT_EQ(RetryAfter({{"Retry-After", "-1"}}, now), std::nullopt);
  EXPECT_EQ(RetryAfter({}, now), std::nullopt);
}

TEST(BasicAuthorizationTest, IsBase64OfNameAndPassword) {
  EXPECT_EQ(BasicAuthorization({"Aladdin", base::Secret("open sesame"), ""}),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST(IsPassingTest, Table) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(IsPassing(status));
  for (const int status : {200, 202, 301, 400, 401, 403, 404, 501, 507}) {
    EXPECT_FALSE(IsPassing(status));
  }
}

}  // namespace
}  // namespace stevedore::transfer
