#include "credentials/ecr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "tests/harness/aws_server.h"

namespace stevedore::credentials {
namespace {

using stevedore::testing::AwsServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRegistry[] = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

TEST(EcrHostTest, TellsRegionAndKind) {
  EXPECT_EQ(ParseEcrHost(kRegistry)->region, "eu-central-1");
  EXPECT_TRUE(ParseEcrHost("1.dkr.ecr-fips.us-gov-west-1.amazonaws.com")->fips);
  EXPECT_EQ(ParseEcrHost("1.dkr.ecr.cn-north-1.amazonaws.com.cn")->region, "cn-north-1");
  EXPECT_TRUE(ParseEcrHost("public.ecr.aws")->is_public);
  for (const char* other :
       {"reg:5000", "1.dkr.ecr.x.amazonaws.com.evil", "1.dkr.s3.x.amazonaws.com", ""}) {
    EXPECT_FALSE(ParseEcrHost(other).has_value()) << other;
  }
}

class EcrExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto aws = AwsServer::Start(&clock_);
    ASSERT_OK(aws);
    aws_ = *std::move(aws);
    exchange_ = std::make_unique<EcrExchange>(AwsSettings{
        .http = &http_,
        .environment = {{"AWS_ENDPOINT_URL", aws_->url()}, {"AWS_EC2_METADATA_DISABLED", "true"}},
        .clock = &clock_,
        .wait = [](absl::Duration) {}});
    record_.id = kRegistry;
    record_.aws_access_key_id = "AKIDTEST";
    record_.aws_secret_access_key = base::Secret("very/secret+key");
  }
  // "user password", "none" or the error.
  std::string Found(const std::string& registry = kRegistry) {
    const auto found = exchange_->Exchange(record_, registry, "store, id x");
    if (!found.ok()) return found.status().ToString();
    if (!found->has_value()) return "none";
    EXPECT_EQ((*found)->origin, "store, id x, by ECR's GetAuthorizationToken");
    return (*found)->username + " " + (*found)->password.Reveal();
  }

  base::testing::FakeClock clock_;
  http::Client http_;
  std::unique_ptr<AwsServer> aws_;
  std::unique_ptr<EcrExchange> exchange_;
  Record record_;
};

TEST_F(EcrExchangeTest, APasswordIsKeptUntilShortlyBeforeItsEnd) {
  EXPECT_EQ(Found(), "AWS password-1");
  EXPECT_EQ(aws_->last_region(), "eu-central-1");
  clock_.Advance(absl::Hours(11) + absl::Minutes(44));
  EXPECT_EQ(Found(), "AWS password-1");
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Found(), "AWS password-2");
  aws_->set_password_lifetime(absl::Minutes(10));
  EXPECT_EQ(Found("1.dkr.ecr.us-east-1.amazonaws.com"), "AWS password-3");
  EXPECT_EQ(aws_->last_region(), "us-east-1");
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(Found("1.dkr.ecr.us-east-1.amazonaws.com"), "AWS password-4");
  EXPECT_EQ(Found("public.ecr.aws"), "AWS password-5");
}

TEST_F(EcrExchangeTest, ManyThreadsMakeOneCall) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] { EXPECT_EQ(Found(), "AWS password-1"); });
  }
  threads.clear();
  EXPECT_EQ(aws_->counts().ecr, 1);
}

TEST_F(EcrExchangeTest, TheRoleAsksNotTheKey) {
  aws_->AddRole("arn:push", {.by_key = "AKIDTEST"});
  aws_->Deny("AKIDTEST");
  EXPECT_THAT(Found(), AllOf(HasSubstr("AccessDeniedException"), HasSubstr(aws_->url()),
                             HasSubstr("allow the key AKIDTEST"), Not(HasSubstr("very/secret"))));
  // Said again without asking, for a while.
  const int calls = aws_->counts().ecr;
  EXPECT_THAT(Found(), HasSubstr("AccessDeniedException"));
  EXPECT_EQ(aws_->counts().ecr, calls);
  record_.aws_role_arn = "arn:push";
  EXPECT_THAT(Found(), HasSubstr("AWS password-"));
  EXPECT_EQ(aws_->last_identity(), "role arn:push");
}

TEST_F(EcrExchangeTest, AWrongClockDoesNotShortenThePassword) {
  base::testing::FakeClock late;
  late.Advance(absl::Hours(48));
  const EcrExchange exchange({.http = &http_,
                              .environment = {{"AWS_ENDPOINT_URL", aws_->url()}},
                              .clock = &late,
                              .wait = [](absl::Duration) {}});
  for (int i = 0; i < 3; ++i) EXPECT_OK(exchange.Exchange(record_, kRegistry, "o"));
  EXPECT_EQ(aws_->counts().ecr, 2);
}

TEST_F(EcrExchangeTest, OtherRecordsAreNotOfAws) {
  record_ = Record();
  record_.private_key_file = "/key";
  EXPECT_EQ(Found(), "none");
  record_.aws_use_default_credentials_chain = true;
  EXPECT_THAT(Found(), HasSubstr("no AWS keys were found"));
  EXPECT_THAT(Found("reg:5000"), HasSubstr("no AWS region is known"));
}

}  // namespace
}  // namespace stevedore::credentials
