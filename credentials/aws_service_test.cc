#include "credentials/aws_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "tests/harness/aws_server.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using stevedore::testing::AwsServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AwsServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto aws = AwsServer::Start(&server_clock_);
    ASSERT_OK(aws);
    aws_ = *std::move(aws);
    keys_ = {"AKIDTEST", base::Secret("very/secret+key")};
    keys_.origin = "the test";
    service_ = std::make_unique<AwsService>(
        AwsSettings{.http = &http_,
                    .environment = {{"AWS_ENDPOINT_URL_ECR", aws_->url()},
                                    {"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}},
                    .clock = &clock_,
                    .wait = [this](absl::Duration duration) { waits_.push_back(duration); }});
  }
  absl::Status Call() {
    AwsCall call{.service = "ecr",
                 .region = "eu-west-1",
                 .endpoint = service_->Endpoint("ecr", "https://usual"),
                 .action = "GetAuthorizationToken"};
    call.headers = {{"X-Amz-Target", "E.GetAuthorizationToken"}};
    call.body = "{}";
    call.keys = &keys_;
    return service_->Call(call).status();
  }

  base::testing::FakeClock clock_, server_clock_;
  http::Client http_;
  std::unique_ptr<AwsServer> aws_;
  AwsKeys keys_;
  std::vector<absl::Duration> waits_;
  std::unique_ptr<AwsService> service_;
};

TEST_F(AwsServiceTest, EndpointsAreVariables) {
  EXPECT_EQ(service_->Endpoint("ecr", "usual"), aws_->url());
  EXPECT_EQ(service_->Endpoint("sts", "usual"), "http://127.0.0.1:1");
  EXPECT_EQ(AwsService({.http = &http_}).Endpoint("sts", "usual"), "usual");
}

TEST_F(AwsServiceTest, WhatIsSignedIsAccepted) {
  EXPECT_OK(Call());
  EXPECT_EQ(aws_->last_region(), "eu-west-1");
}

TEST_F(AwsServiceTest, ThrottlingIsWaitedOutAndThenReported) {
  aws_->FailNext(3, 400, "ThrottlingException");
  EXPECT_OK(Call());
  EXPECT_EQ(waits_.size(), 3);
  aws_->FailNext(4, 503, "ServiceUnavailable");
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(HasSubstr(aws_->url()), HasSubstr("HTTP 503"),
                                     HasSubstr("after 4 attempts"))));
}

TEST_F(AwsServiceTest, AWrongClockIsCorrectedOnce) {
  server_clock_.Advance(absl::Hours(3));
  EXPECT_OK(Call());
  EXPECT_EQ(aws_->counts().ecr, 2);
  EXPECT_EQ(service_->Now(), server_clock_.Now());
  EXPECT_OK(Call());
  EXPECT_EQ(aws_->counts().ecr, 3);
}

TEST_F(AwsServiceTest, RefusalsNameEndpointCodeAndRemedyAndNoSecret) {
  struct Case {
    const char* code;
    absl::StatusCode status;
    const char* remedy;
  };
  for (const Case& test :
       {Case{"AccessDeniedException", absl::StatusCode::kPermissionDenied,
             "ecr:GetAuthorizationToken"},
        Case{"ExpiredTokenException", absl::StatusCode::kUnauthenticated, "has expired"},
        Case{"UnrecognizedClientException", absl::StatusCode::kUnauthenticated, "check that key"},
        Case{"InvalidParameterException", absl::StatusCode::kFailedPrecondition, "check region"}}) {
    aws_->FailNext(1, 400, test.code);
    EXPECT_THAT(Call(), StatusIs(test.status,
                                 AllOf(HasSubstr(aws_->url()), HasSubstr(test.code),
                                       HasSubstr("AKIDTEST (the test)"), HasSubstr(test.remedy),
                                       Not(HasSubstr("very/secret")))));
  }
  keys_.secret_access_key = base::Secret("wrong");
  EXPECT_THAT(Call(),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr("InvalidSignatureException"), Not(HasSubstr("wrong")))));
}

TEST_F(AwsServiceTest, NobodyThereIsUnavailable) {
  AwsCall call{.service = "sts",
               .region = "eu-west-1",
               .endpoint = service_->Endpoint("sts", ""),
               .action = "AssumeRole"};
  EXPECT_THAT(service_->Call(call),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("AWS sts AssumeRole"), HasSubstr("127.0.0.1:1"))));
  EXPECT_EQ(waits_.size(), 3);
}

}  // namespace
}  // namespace stevedore::credentials
