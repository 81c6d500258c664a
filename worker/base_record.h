// What an image stands on, written into its manifest.

#ifndef STEVEDORE_WORKER_BASE_RECORD_H_
#define STEVEDORE_WORKER_BASE_RECORD_H_

#include "absl/status/status.h"
#include "oci/image/image_editor.h"
#include "worker/drivers/driver.h"

namespace stevedore::worker {

// Annotates the manifest of `image` with the manifest digest of `base`
// (org.opencontainers.image.base.digest), so that whoever changes the base later knows exactly
// which one this was. The base's name is left out: the same image in another registry would be
// another image. Config and layers stay as they are. Nothing happens if the image is not made of
// the base's layers, says already what it stands on, or is in Docker's format, which has no
// annotations. Errors only for documents that are damaged. Thread-safe.
absl::Status RecordBase(const ParentImage& base, oci::Image* image);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_BASE_RECORD_H_
