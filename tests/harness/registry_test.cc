#include "tests/harness/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
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
  // As other programs are told.
  ASSERT_EQ(setenv("SSL_CERT_FILE", registry->ca_file().c_str(), /*overwrite=*/1), 0);
  EXPECT_EQ(StatusOf(registry->url() + "/v2/"), 200);
  unsetenv("SSL_CERT_FILE");
}

TEST(RegistryTest, ItsTokenServiceSpeaksTlsToo) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry,
                       Registry::Start({.auth = RegistryOptions::Auth::kToken, .tls = true}));
  EXPECT_EQ(StatusOf(registry->url() + "/v2/", {.ca_file = registry->ca_file()}), 401);
  http::Client client;
  const std::string login = absl::Base64Escape("alice:wonderland");
  const auto answer = client.Send({.url = registry->token_realm() + "?scope=repository:a:pull",
                                   .headers = http::Headers({{"Authorization", "Basic " + login}}),
                                   .tls = {.ca_file = registry->ca_file()}});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(registry->token_server().token_count(), 1);
}

}  // namespace
}  // namespace stevedore::testing
