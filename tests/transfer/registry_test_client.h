// What tests of the registry client start with.

#ifndef STEVEDORE_TESTS_TRANSFER_REGISTRY_TEST_CLIENT_H_
#define STEVEDORE_TESTS_TRANSFER_REGISTRY_TEST_CLIENT_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "credentials/docker_config_credential_store.h"
#include "http/client.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "tests/harness/registry.h"
#include "transfer/registry_client.h"

namespace stevedore::transfer::registry_test {

// Bytes that differ everywhere, so that a piece in a wrong place is noticed.
inline std::string Bytes(size_t size, uint64_t seed = 1) {
  std::string bytes(size, '\0');
  uint64_t state = seed;
  for (char& c : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(state >> 56);
  }
  return bytes;
}

inline oci::Descriptor Describe(const std::string& bytes) {
  return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
}

inline BlobOpener Opener(const std::string& bytes) {
  return [bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return std::make_unique<base::StringSource>(bytes);
  };
}

// A client with its parts, not waiting between attempts.
struct Client {
  explicit Client(std::unique_ptr<credentials::CredentialStore> store, RegistryClientOptions o = {})
      : credentials(std::move(store)) {
    o.wait = [](absl::Duration, std::stop_token) {};
    registry.emplace(&http, credentials.get(), std::move(o));
  }
  explicit Client(RegistryClientOptions o = {})
      : Client(std::make_unique<credentials::MemoryCredentialStore>(), std::move(o)) {}
  RegistryClient* operator->() { return &*registry; }

  http::Client http;
  std::unique_ptr<credentials::CredentialStore> credentials;
  std::optional<RegistryClient> registry;
};

inline std::unique_ptr<credentials::CredentialStore> LoggedIn(
    const stevedore::testing::Registry& registry, const std::string& user,
    const std::string& password) {
  const auto folder = registry.WriteDockerConfig(user, password);
  return std::make_unique<credentials::DockerConfigCredentialStore>(*folder + "/config.json");
}

inline oci::Reference Ref(const std::string& host, const std::string& rest) {
  return *oci::Reference::Parse(host + "/" + rest);
}

// A manifest with an empty config and these further members; its config is pushed.
inline std::string PushEmptyConfig(Client& client, const oci::Reference& repository,
                                   const std::string& members = "") {
  EXPECT_OK(client->PutBlob(repository, Describe("{}"), Opener("{}")));
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
                      R"(","config":{"mediaType":")", oci::kOciEmpty, R"(","digest":")",
                      oci::Digest::Of("{}").ToString(), R"(","size":2},"layers":[])", members, "}");
}

}  // namespace stevedore::transfer::registry_test

#endif  // STEVEDORE_TESTS_TRANSFER_REGISTRY_TEST_CLIENT_H_
