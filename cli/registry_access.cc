#include "cli/registry_access.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/credential_settings.h"
#include "cli/version.h"
#include "credentials/open_credentials.h"

namespace stevedore::cli {
namespace {

http::ClientOptions HttpOptions() {
  http::ClientOptions options;
  options.user_agent = absl::StrCat("stevedore/", kVersion);
  return options;
}

transfer::RegistryClientOptions Options(const RegistryAccessOptions& access,
                                        const transfer::HostSettingsFinder* hosts) {
  transfer::RegistryClientOptions options;
  // Through the pointer: the configuration is read later.
  options.host_settings = [hosts](const std::string& registry) { return (*hosts)(registry); };
  if (access.console != nullptr) {
    options.warn = [console = access.console](const std::string& registry,
                                              const std::string& warning) {
      PrintWarning(*console, absl::StrCat(registry, " says: ", warning));
    };
  }
  options.insecure_registries = access.insecure_registries;
  options.tls_hosts = access.tls_hosts;
  options.before_request = access.before_request;
  switch (access.patience) {
    case RegistryAccess::Patience::kCompletion:
      options.retries = 0;
      options.connect_timeout = absl::Seconds(1);
      options.idle_timeout = absl::Seconds(1);
      break;
    case RegistryAccess::Patience::kPerson:
      options.retries = 2;
      options.longest_wait = absl::Seconds(2);
      options.connect_timeout = absl::Seconds(5);
      options.idle_timeout = absl::Seconds(30);
      break;
    case RegistryAccess::Patience::kTransfer:
      options.longest_wait = absl::Seconds(10);
      options.connect_timeout = absl::Seconds(10);
      options.idle_timeout = absl::Seconds(60);
      break;
    case RegistryAccess::Patience::kBuild:
      break;
  }
  return options;
}

std::map<std::string, std::string> Environment(const RegistryAccessOptions& access) {
  std::map<std::string, std::string> environment = credentials::ProcessEnvironment();
  if (!access.authfile.empty()) environment["REGISTRY_AUTH_FILE"] = access.authfile;
  return environment;
}

}  // namespace

transfer::HostSettingsFinder HostSettingsOf(const graph::Configuration& configuration) {
  std::map<std::string, transfer::HostSettings> hosts;
  for (const auto& [name, registry] : configuration.registries) {
    transfer::HostSettings& host = hosts[name];
    host.mirrors = registry.mirrors;
    host.tls.ca_file = registry.ca_file;
    host.tls.client_certificate_file = registry.client_certificate_file;
    host.tls.client_key_file = registry.client_key_file;
    host.insecure = registry.insecure;
    host.blocked = registry.blocked;
    host.token_hosts = registry.token_hosts;
    host.said_in = registry.where.ToString();
  }
  return transfer::FindHostSettings(
      std::move(hosts), transfer::CertificateDirectories(credentials::ProcessEnvironment()));
}

absl::Status RegistryAccess::UseStore(const graph::Configuration& configuration) {
  ASSIGN_OR_RETURN(std::unique_ptr<credentials::RecordStore> records,
                   OpenRecordStore(configuration));
  UseRecords(std::move(records), configuration);
  return absl::OkStatus();
}

void RegistryAccess::UseRecords(std::unique_ptr<credentials::RecordStore> records,
                                const graph::Configuration& configuration) {
  credentials_.UseStore(std::move(records));
  hosts_ = HostSettingsOf(configuration);
}

RegistryAccess::RegistryAccess(const RegistryAccessOptions& options)
    : http_(HttpOptions()),
      credentials_(&http_, Environment(options)),
      hosts_(HostSettingsOf(graph::Configuration())),
      client_(&http_, &credentials_, Options(options, &hosts_)) {}

RegistryAccess::RegistryAccess(Patience patience,
                               const std::vector<std::string>& insecure_registries)
    : RegistryAccess(RegistryAccessOptions{.patience = patience,
                                           .insecure_registries = insecure_registries}) {}

}  // namespace stevedore::cli
