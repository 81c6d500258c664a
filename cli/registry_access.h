// Registries, with the credentials of the project and of the user.

#ifndef STEVEDORE_CLI_REGISTRY_ACCESS_H_
#define STEVEDORE_CLI_REGISTRY_ACCESS_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/console.h"
#include "credentials/login_chain.h"
#include "credentials/record_store.h"
#include "graph/configuration.h"
#include "http/client.h"
#include "transfer/host_settings.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

struct RegistryAccessOptions;

// A RegistryClient with what it stands on. Thread-safe after UseStore.
class RegistryAccess {
 public:
  // How long to try before an error is shown.
  enum class Patience {
    kCompletion,  // Somebody pressed a key: a second, and no second try.
    kPerson,      // Somebody waits for an answer: seconds.
    kTransfer,    // An image is copied: a minute without progress.
    kBuild,       // A build is worth minutes.
  };

  explicit RegistryAccess(const RegistryAccessOptions& options);
  // `insecure_registries` as in RegistryAccessOptions.
  RegistryAccess(Patience patience, const std::vector<std::string>& insecure_registries);

  // From now on the store of the project is asked first, and its settings of registries count.
  // Before the client is used.
  // INVALID_ARGUMENT if the configured kind of store is unknown.
  absl::Status UseStore(const graph::Configuration& configuration);
  // The same with a store of one's own.
  void UseRecords(std::unique_ptr<credentials::RecordStore> records,
                  const graph::Configuration& configuration);

  transfer::RegistryClient* client() { return &client_; }
  const credentials::LoginChain* credentials() const { return &credentials_; }

 private:
  http::Client http_;
  credentials::LoginChain credentials_;
  transfer::HostSettingsFinder hosts_;
  transfer::RegistryClient client_;
};

// Settings of RegistryAccess. A value.
struct RegistryAccessOptions {
  RegistryAccess::Patience patience = RegistryAccess::Patience::kPerson;
  // Hosts ("host[:port]") that are spoken to without TLS, or with any certificate; loopback needs
  // no mention.
  std::vector<std::string> insecure_registries = {};
  // File of logins that is asked before those of Docker and Podman; empty: none.
  std::string authfile = "";
  // As in RegistryClientOptions.
  std::function<absl::Status(std::stop_token)> before_request = nullptr;
  std::map<std::string, http::TlsOptions> tls_hosts = {};
  // What registries warn of is printed here; null: only logged. Must outlive the access.
  Console* console = nullptr;
};

// Settings of registries as a configuration and the folders of Docker and Podman have them.
// Thread-safe.
transfer::HostSettingsFinder HostSettingsOf(const graph::Configuration& configuration);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_REGISTRY_ACCESS_H_
