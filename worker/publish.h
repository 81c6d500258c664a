// The way of a built image into its repository.

#ifndef STEVEDORE_WORKER_PUBLISH_H_
#define STEVEDORE_WORKER_PUBLISH_H_

#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "oci/image/reference.h"
#include "worker/drivers/driver.h"
#include "worker/executor.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Makes `image` complete in `target` under its digest: inherited layers that are not there are
// mounted from the repository that has them, or copied where that cannot be; then the config, then
// the manifest. `places` are those of the parents and then `image.other_places`. No tag. Bytes
// copied count in `monitor`. Errors are those of the repositories, with what was being sent.
// Thread-safe.
absl::Status Publish(const BuiltImage& image, const Repository& target,
                     const std::vector<ImagePlace>& places, RunMonitor& monitor,
                     std::stop_token stop);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_PUBLISH_H_
