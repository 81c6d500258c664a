// What a BuildKit daemon's `oci` exporter made, as an image of ours.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_RESULT_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_RESULT_H_

#include <stop_token>

#include "absl/status/statusor.h"
#include "oci/layout/layout.h"
#include "worker/drivers/driver.h"

namespace stevedore::worker {

// The one image in `layout`, whose blobs were verified: documents and layers stay byte for byte;
// layers that a parent of `request` has are inherited, the others go to the request's output.
// INVALID_ARGUMENT if there is no image for the request's platform. Thread-safe.
absl::StatusOr<BuiltImage> TakeLayoutImage(const BuildRequest& request, const oci::Layout& layout,
                                           std::stop_token stop);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_RESULT_H_
