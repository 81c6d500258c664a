#include "tests/harness/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "http/client.h"

namespace stevedore::testing {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

int StatusOf(const std::string& url, const http::TlsOptions& tls = {}) {
  http::Client client;
  const auto answer = client.Send({.url = url, .tls = tls});
  return answer.ok() ? answer->status : -1;
}

TEST(RegistryTest, AnOpenOneAnswersAndComesBackAtTheSamePlace) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start());
  EXPECT_EQ(StatusOf(registry->url() + "/v2/"), 200);
  const std::string host = registry->host();
  registry->Kill();
  EXPECT_EQ(StatusOf(registry->url() + "/v2/"), -1);
  ASSERT_OK(registry->Restart());
  EXPECT_EQ(registry->host(), host);
  EXPECT_EQ(StatusOf(registry->url() + "/v2/"), 200);
  ASSERT_OK(registry->process().WaitForOutput("\"GET /v2/"));
  EXPECT_EQ(registry->RequestCount("\"GET /v2/"), 1);
}

TEST(RegistryTest, PasswordsAndTokensAreAskedFor) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> basic,
                       Registry::Start({.auth = RegistryOptions::Auth::kBasic}));
  EXPECT_EQ(StatusOf(basic->url() + "/v2/"), 401);
  ASSERT_OK_AND_ASSIGN(const std::string config, basic->WriteDockerConfig());
  EXPECT_TRUE(base::Exists(config + "/config.json"));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> token,
                       Registry::Start({.auth = RegistryOptions::Auth::kToken}));
  EXPECT_EQ(StatusOf(token->url() + "/v2/"), 401);
}

TEST(RegistryTest, TlsIsTrustedThroughItsFile) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start({.tls = true}));
  EXPECT_EQ(StatusOf(registry->url() + "/v2/", {.ca_file = registry->ca_file()}), 200);
  http::Client client;
  EXPECT_THAT(client.Send({.url = registry->url() + "/v2/"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("certificate")));
}

}  // namespace
}  // namespace stevedore::testing
