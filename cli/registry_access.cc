#include "cli/registry_access.h"

#include "absl/strings/str_cat.h"
#include "cli/version.h"

namespace stevedore::cli {
namespace {

http::ClientOptions HttpOptions() {
  http::ClientOptions options;
  options.user_agent = absl::StrCat("stevedore/", kVersion);
  return options;
}

transfer::RegistryClientOptions Options(RegistryAccess::Patience patience) {
  transfer::RegistryClientOptions options;
  if (patience == RegistryAccess::Patience::kPerson) {
    options.retries = 2;
    options.longest_wait = absl::Seconds(2);
    options.connect_timeout = absl::Seconds(5);
    options.idle_timeout = absl::Seconds(30);
  }
  return options;
}

}  // namespace

RegistryAccess::RegistryAccess(Patience patience)
    : http_(HttpOptions()),
      credentials_(credentials::DockerConfigCredentialStore::DefaultPath()),
      client_(&http_, &credentials_, Options(patience)) {}

}  // namespace stevedore::cli
