#include "transfer/token_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "http/testing/loopback_server.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using http::testing::Connection;
using http::testing::LoopbackServer;
using ::testing::HasSubstr;

class TokenCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = LoopbackServer::Start([this](Connection& connection) {
      while (true) {
        const auto request = connection.ReadRequest();
        if (!request.ok()) return;
        last_target_ =
            absl::StrCat(request->method == "GET" ? "" : request->method + " ", request->target);
        last_body_ = connection.ReadExactly(request->ContentLength()).value_or("?");
        const bool form = request->method == "POST";
        const int status = form || get_status_ == 200 ? status_ : get_status_;
        (void)connection.Answer(status, {},
                                answer_.empty() ? absl::StrCat(R"({"token":"t)", ++count_,
                                                               R"(","expires_in":)", lifetime_, "}")
                                                : answer_);
      }
    });
    ASSERT_OK(server);
    server_ = *std::move(server);
    request_ = {.registry = "reg",
                .realm = server_->url() + "/token",
                .service = "svc",
                .scopes = {"repository:a/b:pull", "repository:c:pull,push"}};
  }

  std::string Get(const TokenRequest& request) {
    const absl::StatusOr<base::Secret> token = cache_.Get(request, {});
    return token.ok() ? token->Reveal() : token.status().ToString();
  }

  // Read by the server's thread only while a request is answered.
  int get_status_ = 200, status_ = 200, lifetime_ = 300;
  std::string answer_, last_target_, last_body_;
  std::atomic<int> count_ = 0;
  std::unique_ptr<LoopbackServer> server_;
  http::Client http_;
  base::testing::FakeClock clock_;
  TokenCache cache_{&http_, &clock_};
  TokenRequest request_;
};

TEST_F(TokenCacheTest, AsksOnceUntilShortlyBeforeTheEnd) {
  EXPECT_EQ(Get(request_), "t1");
  EXPECT_EQ(
      last_target_,
      "/token?service=svc&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull%2Cpush");
  clock_.Advance(absl::Seconds(289));
  EXPECT_EQ(Get(request_), "t1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(request_), "t2");
}

TEST_F(TokenCacheTest, AShortLifetimeCountsAsAMinute) {
  lifetime_ = 1;
  EXPECT_EQ(Get(request_), "t1");
  clock_.Advance(absl::Seconds(49));
  EXPECT_EQ(Get(request_), "t1");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(request_), "t2");
}

TEST_F(TokenCacheTest, Defect14IdentityServiceAndScopeAreTheKey) {
  EXPECT_EQ(Get(request_), "t1");
  TokenRequest other = request_;
  other.credential = credentials::Credential{"u", base::Secret("p"), ""};
  EXPECT_EQ(Get(other), "t2");
  EXPECT_THAT(last_target_, HasSubstr("account=u"));
  other.credential->password = base::Secret("q");
  EXPECT_EQ(Get(other), "t3");
  other = request_;
  other.scopes.pop_back();
  EXPECT_EQ(Get(other), "t4");
  other = request_;
  other.service = "other";
  EXPECT_EQ(Get(other), "t5");
  EXPECT_EQ(Get(request_), "t1");
}

TEST_F(TokenCacheTest, AnIdentityTokenIsTradedByPost) {
  credentials::Credential identity;
  identity.identity_token = base::Secret("re/fresh");
  identity.origin = "the file";
  request_.credential = identity;
  EXPECT_EQ(Get(request_), "t1");
  EXPECT_EQ(last_target_, "POST /token");
  EXPECT_EQ(last_body_,
            "grant_type=refresh_token&client_id=stevedore&service=svc&scope=repository%3Aa%2Fb%3A"
            "pull%20repository%3Ac%3Apull%2Cpush&refresh_token=re%2Ffresh");
  request_.credential->identity_token = base::Secret("another");
  status_ = 400;
  answer_ = R"({"error":"invalid_grant"})";
  const absl::Status status = cache_.Get(request_, {}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("the file")));
  EXPECT_EQ(std::string(status.message()).find("another"), std::string::npos);
}

TEST_F(TokenCacheTest, AServiceThatKnowsFormsOnlyGetsThePasswordInOne) {
  get_status_ = 405;
  credentials::Credential alice;
  alice.username = "alice";
  alice.password = base::Secret("p w");
  request_.credential = alice;
  request_.scopes.clear();
  EXPECT_THAT(Get(request_), HasSubstr("t2"));
  EXPECT_EQ(last_body_,
            "grant_type=password&client_id=stevedore&service=svc&username=alice&password=p%20w");
}

TEST_F(TokenCacheTest, AForgottenTokenIsFetchedAgain) {
  EXPECT_EQ(Get(request_), "t1");
  cache_.Forget(request_);
  EXPECT_EQ(Get(request_), "t2");
}

TEST_F(TokenCacheTest, ManyThreadsMakeOneRequest) {
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        if (Get(request_) == "t1") ++right;
      });
    }
  }
  EXPECT_EQ(right, 8);
  EXPECT_EQ(count_, 1);
}

TEST_F(TokenCacheTest, ARefusalNamesUserAndRemedy) {
  status_ = 401;
  answer_ = R"({"details":"incorrect username or password"})";
  request_.credential = credentials::Credential{"bob", base::Secret("sesame"), "config.json"};
  EXPECT_THAT(cache_.Get(request_, {}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       ::testing::AllOf(HasSubstr("`bob`"), HasSubstr("docker login reg"),
                                        ::testing::Not(HasSubstr("sesame")))));
  status_ = 503;
  EXPECT_THAT(cache_.Get(request_, {}), StatusIs(absl::StatusCode::kUnavailable));
  // A failure is not kept.
  status_ = 200;
  answer_ = "";
  EXPECT_EQ(Get(request_), "t1");
}

TEST_F(TokenCacheTest, AnAnswerWithoutATokenIsAnError) {
  for (const std::string answer :
       {"[]", "{}", R"({"token":""})", R"({"token":1})", R"({"token":"a\r\nb"})", "x"}) {
    answer_ = answer;
    EXPECT_THAT(cache_.Get(request_, {}),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("no token")));
  }
  answer_ = R"({"access_token":"x"})";
  EXPECT_EQ(Get(request_), "x");
}

}  // namespace
}  // namespace stevedore::transfer
