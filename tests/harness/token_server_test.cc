#include "tests/harness/token_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"
#include "http/client.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

TEST(TokenServerTest, KnowsOneUser) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TokenServer> server,
                       TokenServer::Start("alice", "secret"));
  http::Client client;
  ASSERT_OK_AND_ASSIGN(
      const http::Response good,
      client.Send({.url = server->realm() + "?scope=repository%3Aa%2Fb%3Apull%2Cpush",
                   .headers = {{"Authorization", "Basic YWxpY2U6c2VjcmV0"}}}));
  EXPECT_EQ(good.status, 200);
  EXPECT_THAT(good.body, HasSubstr("\"token\":\"ey"));
  ASSERT_OK_AND_ASSIGN(const http::Response bad, client.Send({.url = server->realm()}));
  EXPECT_EQ(bad.status, 401);
  EXPECT_EQ(server->token_count(), 1);
  EXPECT_EQ(server->refused_count(), 1);
}

}  // namespace
}  // namespace stevedore::testing
