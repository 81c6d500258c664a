// A build context as files on disk, for programs that want a folder.

#ifndef STEVEDORE_WORKER_DRIVERS_CONTEXT_FOLDER_H_
#define STEVEDORE_WORKER_DRIVERS_CONTEXT_FOLDER_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "context/tree.h"

namespace stevedore::worker {

// Writes everything of `tree` into the existing empty folder `directory`, with the modes it has
// there and links as they are. No link is followed while writing. CANCELLED, and errors of the disk
// and of the tree's contents. Thread-safe.
absl::Status WriteContextFolder(const context::Tree& tree, const std::string& directory,
                                std::stop_token stop);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_CONTEXT_FOLDER_H_
