#include "cli/credential_settings.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::cli {

absl::StatusOr<std::unique_ptr<credentials::RecordStore>> OpenRecordStore(
    const graph::Configuration& configuration) {
  if (configuration.credentials_storage_type == "local") return OpenFileStore(configuration);
  if (configuration.credentials_storage_type == "envvars") {
    return OpenEnvironmentStore(configuration);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "`credentials.storage_type` is ", base::Quoted(configuration.credentials_storage_type),
      "; there are `local` and `envvars`"));
}

std::unique_ptr<credentials::FileCredentialStore> OpenFileStore(
    const graph::Configuration& configuration) {
  return std::make_unique<credentials::FileCredentialStore>(
      configuration.credentials_local_storage_path, configuration.credentials_encryption_key,
      RecordFormatOf(configuration));
}

std::unique_ptr<credentials::EnvironmentCredentialStore> OpenEnvironmentStore(
    const graph::Configuration& configuration) {
  return std::make_unique<credentials::EnvironmentCredentialStore>(
      graph::ConfigurationSources::FromProcess().environment,
      configuration.credentials_encryption_key);
}

credentials::RecordFormat RecordFormatOf(const graph::Configuration& configuration) {
  return configuration.credentials_format == "yaml" ? credentials::RecordFormat::kYaml
                                                    : credentials::RecordFormat::kJson;
}

}  // namespace stevedore::cli
