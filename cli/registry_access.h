// Registries, with the user's own docker credentials.

#ifndef STEVEDORE_CLI_REGISTRY_ACCESS_H_
#define STEVEDORE_CLI_REGISTRY_ACCESS_H_

#include <memory>

#include "credentials/docker_config_credential_store.h"
#include "http/client.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// A RegistryClient with what it stands on. Thread-safe.
class RegistryAccess {
 public:
  // How long to try before an error is shown.
  enum class Patience {
    kPerson,  // Somebody waits for an answer: seconds.
    kBuild,   // A build is worth minutes.
  };

  explicit RegistryAccess(Patience patience);

  transfer::RegistryClient* client() { return &client_; }

 private:
  http::Client http_;
  const credentials::DockerConfigCredentialStore credentials_;
  transfer::RegistryClient client_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_REGISTRY_ACCESS_H_
