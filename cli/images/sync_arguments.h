// `sync SOURCE DESTINATION`, without a file.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_ARGUMENTS_H_
#define STEVEDORE_CLI_IMAGES_SYNC_ARGUMENTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "transfer/sync_job.h"

namespace stevedore::cli {

// The jobs for mirroring `source` below `destination` (as MirrorOf names what is there): all tags
// of a repository, or the one that it names; all images of an image layout; with `dir:` each folder
// below it that holds an image, as `sync ... dir:` writes them (NAME:TAG). INVALID_ARGUMENT if one
// of them is no such place; NOT_FOUND if a folder is not there or holds no image. Thread-safe.
absl::StatusOr<transfer::SyncSettings> JobsOf(const std::string& source,
                                              const std::string& destination, bool scoped);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_ARGUMENTS_H_
