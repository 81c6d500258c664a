// The same work for several things at once.

#ifndef STEVEDORE_CLI_IMAGES_PARALLEL_FOR_H_
#define STEVEDORE_CLI_IMAGES_PARALLEL_FOR_H_

#include <cstddef>
#include <functional>
#include <stop_token>

#include "absl/status/status.h"

namespace stevedore::cli {

// Calls `work` with 0 to count-1 on up to `jobs` threads and returns, after all have ended, the
// first error. No new work begins after an error, nor once `stop` is requested (CANCELLED).
// Thread-safe.
absl::Status ParallelFor(size_t count, int jobs, const std::function<absl::Status(size_t)>& work,
                         std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_PARALLEL_FOR_H_
