// Registries, with the credentials of the project and of the user.

#ifndef STEVEDORE_CLI_REGISTRY_ACCESS_H_
#define STEVEDORE_CLI_REGISTRY_ACCESS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential_store.h"
#include "credentials/docker_config_credential_store.h"
#include "credentials/record_store.h"
#include "graph/configuration.h"
#include "http/client.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// The configured store first, then docker's configuration. Thread-safe after UseStore.
class ProjectCredentials final : public credentials::CredentialStore {
 public:
  ProjectCredentials();
  // INVALID_ARGUMENT if the configured kind of store is unknown. Not thread-safe.
  absl::Status UseStore(const graph::Configuration& configuration);
  absl::StatusOr<std::optional<credentials::Credential>> Find(
      absl::string_view registry, absl::string_view repository) const override;

 private:
  std::unique_ptr<credentials::RecordStore> records_;
  const credentials::DockerConfigCredentialStore docker_;
};

// A RegistryClient with what it stands on. Thread-safe after UseStore.
class RegistryAccess {
 public:
  // How long to try before an error is shown.
  enum class Patience {
    kPerson,  // Somebody waits for an answer: seconds.
    kBuild,   // A build is worth minutes.
  };

  // `insecure_registries`: hosts ("host[:port]") that are spoken to without TLS, or with any
  // certificate; loopback needs no mention.
  RegistryAccess(Patience patience, const std::vector<std::string>& insecure_registries);

  // From now on the store of the project is asked first. Before the client is used.
  absl::Status UseStore(const graph::Configuration& configuration) {
    return credentials_.UseStore(configuration);
  }

  transfer::RegistryClient* client() { return &client_; }
  const credentials::CredentialStore* credentials() const { return &credentials_; }

 private:
  http::Client http_;
  ProjectCredentials credentials_;
  transfer::RegistryClient client_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_REGISTRY_ACCESS_H_
