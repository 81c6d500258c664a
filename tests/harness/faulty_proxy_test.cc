#include "tests/harness/faulty_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"
#include "http/client.h"

namespace stevedore::testing {
namespace {

using base::testing::StatusIs;
using http::testing::Connection;
using http::testing::LoopbackServer;

class FaultyProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = LoopbackServer::Start([](Connection& connection) {
      const auto request = connection.ReadRequest();
      if (!request.ok()) return;
      const auto body = connection.ReadExactly(request->ContentLength());
      if (body.ok()) (void)connection.Answer(200, {}, "hello " + *body);
    });
    ASSERT_OK(server);
    server_ = *std::move(server);
    auto proxy = FaultyProxy::Start(server_->port());
    ASSERT_OK(proxy);
    proxy_ = *std::move(proxy);
  }

  absl::StatusOr<http::Response> Send(const std::string& body) {
    http::Client client;
    return client.Send({.method = "PUT", .url = "http://" + proxy_->host() + "/x", .body = body});
  }

  std::unique_ptr<LoopbackServer> server_;
  std::unique_ptr<FaultyProxy> proxy_;
};

TEST_F(FaultyProxyTest, PassesOnWhatNobodyWantsBroken) {
  proxy_->Add({.method = "GET", .status = 500});
  ASSERT_OK_AND_ASSIGN(const http::Response answer, Send("you"));
  EXPECT_EQ(answer.body, "hello you");
  EXPECT_EQ(proxy_->pending_count(), 1);
  EXPECT_EQ(proxy_->RequestCount("PUT /x"), 1);
}

TEST_F(FaultyProxyTest, AnswersItself) {
  proxy_->Add({.path = "/x", .status = 429, .headers = {{"Retry-After", "7"}}, .body = "later"});
  ASSERT_OK_AND_ASSIGN(const http::Response answer, Send("you"));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "later");
  EXPECT_EQ(answer.headers.Find("Retry-After"), "7");
  ASSERT_OK_AND_ASSIGN(const http::Response next, Send("you"));
  EXPECT_EQ(next.status, 200);
}

TEST_F(FaultyProxyTest, CutsRequestsAndAnswers) {
  proxy_->Add({.cut_request_after = 1});
  EXPECT_THAT(Send("you"), StatusIs(absl::StatusCode::kUnavailable));
  proxy_->Add({.cut_response_after = 3});
  EXPECT_THAT(Send("you"), StatusIs(absl::StatusCode::kUnavailable));
  proxy_->Add({.bytes_per_second = 1000});
  ASSERT_OK_AND_ASSIGN(const http::Response slow, Send("you"));
  EXPECT_EQ(slow.body, "hello you");
}

TEST_F(FaultyProxyTest, Hangs) {
  proxy_->Add({.hang = true});
  http::Client client;
  EXPECT_THAT(client.Send({.url = "http://" + proxy_->host() + "/x",
                           .idle_timeout = absl::Milliseconds(20)}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace stevedore::testing
