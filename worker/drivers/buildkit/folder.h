// A build context as BuildKit's file-sync protocol describes it.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_FOLDER_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_FOLDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "context/tree.h"

namespace stevedore::worker {

// `entry`'s kind and permissions as Go's os.FileMode has them in 32 bits: what file sync sends.
uint32_t GoFileMode(const context::TreeEntry& entry);

// The entries of `tree`, by index and in order, that a builder needs which asked for `paths` only:
// each path (its components may hold the wildcards * ? [...], as Go's path.Match) with all that is
// below, what symbolic links on the way point to, and the folders above all of them. No paths, or
// one that means the root: everything. Thread-safe.
std::vector<size_t> FollowPaths(const context::Tree& tree, const std::vector<std::string>& paths);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_FOLDER_H_
