#include "cli/registry_access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/credential_settings.h"
#include "cli/version.h"

namespace stevedore::cli {
namespace {

http::ClientOptions HttpOptions() {
  http::ClientOptions options;
  options.user_agent = absl::StrCat("stevedore/", kVersion);
  return options;
}

transfer::RegistryClientOptions Options(RegistryAccess::Patience patience,
                                        const std::vector<std::string>& insecure_registries) {
  transfer::RegistryClientOptions options;
  options.insecure_registries = insecure_registries;
  if (patience == RegistryAccess::Patience::kPerson) {
    options.retries = 2;
    options.longest_wait = absl::Seconds(2);
    options.connect_timeout = absl::Seconds(5);
    options.idle_timeout = absl::Seconds(30);
  }
  return options;
}

}  // namespace

absl::Status RegistryAccess::UseStore(const graph::Configuration& configuration) {
  ASSIGN_OR_RETURN(std::unique_ptr<credentials::RecordStore> records,
                   OpenRecordStore(configuration));
  credentials_.UseStore(std::move(records));
  return absl::OkStatus();
}

RegistryAccess::RegistryAccess(Patience patience,
                               const std::vector<std::string>& insecure_registries)
    : http_(HttpOptions()),
      credentials_(&http_),
      client_(&http_, &credentials_, Options(patience, insecure_registries)) {}

}  // namespace stevedore::cli
