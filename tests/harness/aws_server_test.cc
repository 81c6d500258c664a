#include "tests/harness/aws_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "http/client.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

TEST(AwsServerTest, RefusesWhatIsNotSigned) {
  ASSERT_OK_AND_ASSIGN(const auto aws, AwsServer::Start());
  http::Client client;
  ASSERT_OK_AND_ASSIGN(
      const http::Response answer,
      client.Send({.method = "POST",
                   .url = aws->url() + "/",
                   .headers = {{"X-Amz-Target", "X.GetAuthorizationToken"},
                               {"Authorization",
                                "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/r/ecr/aws4_request, "
                                "SignedHeaders=host, Signature=0"}},
                   .body = "{}"}));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("InvalidSignatureException"));
  EXPECT_EQ(aws->counts().ecr, 1);
}

}  // namespace
}  // namespace stevedore::testing
