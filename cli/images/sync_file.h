// Files that say what to mirror.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_FILE_H_
#define STEVEDORE_CLI_IMAGES_SYNC_FILE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/reference.h"
#include "transfer/endpoint.h"
#include "transfer/sync_job.h"

namespace stevedore::cli {

// What the command line says about a file without destinations (skopeo's shape). A value.
struct SyncFileOptions {
  // Below which the repositories go ("docker://mirror.example.com/prefix"); empty: not given, which
  // such a file needs.
  std::string destination = "";
  // With registry and whole repository in the destination's name; else its last part only.
  bool scoped = false;
};

// Reads the text of `file` (a name for messages): `jobs`, as sync_keys.h describes them, or what
// `skopeo sync --src yaml` reads: registries to their images. Jobs without a name get their source
// as one. INVALID_ARGUMENT with all that is wrong, one "file:line:column: what was found; what to
// do" per line. Thread-safe.
absl::StatusOr<transfer::SyncSettings> ParseSyncFile(const std::string& file,
                                                     absl::string_view text,
                                                     const SyncFileOptions& options = {});

// As ParseSyncFile with the file's text, of at most 4 MiB. NOT_FOUND if there is none.
absl::StatusOr<transfer::SyncSettings> ReadSyncFile(const std::string& file,
                                                    const SyncFileOptions& options = {});

// `destination` (an endpoint; of a registry also just the registry) with the name of `source`
// behind it, as skopeo names what it mirrors: the last part of the repository, or if `scoped` the
// registry and the repository. INVALID_ARGUMENT if that is no place. Thread-safe.
absl::StatusOr<transfer::Endpoint> MirrorOf(absl::string_view destination,
                                            const oci::Reference& source, bool scoped);

// The JSON Schema (draft-07) of files with `jobs`. Thread-safe.
nlohmann::ordered_json SyncFileSchema();

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_FILE_H_
