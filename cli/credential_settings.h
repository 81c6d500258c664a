// The credential store that a project configures.

#ifndef STEVEDORE_CLI_CREDENTIAL_SETTINGS_H_
#define STEVEDORE_CLI_CREDENTIAL_SETTINGS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credentials/environment_credential_store.h"
#include "credentials/file_credential_store.h"
#include "credentials/record.h"
#include "credentials/record_store.h"
#include "graph/configuration.h"

namespace stevedore::cli {

// The store of `configuration` for reading. INVALID_ARGUMENT for a storage type that there is not.
// Thread-safe.
absl::StatusOr<std::unique_ptr<credentials::RecordStore>> OpenRecordStore(
    const graph::Configuration& configuration);

// Makes `path` (the flag --local-storage-path) the folder of the store, unless it is empty.
// INVALID_ARGUMENT if the configured store has no folder. Thread-safe.
absl::Status UseLocalStoragePath(const std::string& path, graph::Configuration* configuration);

// For writing; the storage type must be the one that is meant. Thread-safe.
std::unique_ptr<credentials::FileCredentialStore> OpenFileStore(
    const graph::Configuration& configuration);
std::unique_ptr<credentials::EnvironmentCredentialStore> OpenEnvironmentStore(
    const graph::Configuration& configuration);

// How `configuration` wants records to be written. Thread-safe.
credentials::RecordFormat RecordFormatOf(const graph::Configuration& configuration);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CREDENTIAL_SETTINGS_H_
