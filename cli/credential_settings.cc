#include "cli/credential_settings.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "credentials/login_chain.h"

namespace stevedore::cli {

absl::StatusOr<std::unique_ptr<credentials::RecordStore>> OpenRecordStore(
    const graph::Configuration& configuration) {
  return credentials::OpenRecordStore(
      {.type = configuration.credentials_storage_type,
       .local_path = configuration.credentials_local_storage_path,
       .format = RecordFormatOf(configuration),
       .encryption_key = configuration.credentials_encryption_key,
       .environment = graph::ConfigurationSources::FromProcess().environment});
}

absl::Status UseLocalStoragePath(const std::string& path, graph::Configuration* configuration) {
  if (path.empty()) return absl::OkStatus();
  if (configuration->credentials_storage_type != "local") {
    return absl::InvalidArgumentError(
        absl::StrCat("--local-storage-path is for `credentials.storage_type: local`, but it is ",
                     base::Quoted(configuration->credentials_storage_type), " here; leave it out"));
  }
  configuration->credentials_local_storage_path = path;
  return absl::OkStatus();
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
