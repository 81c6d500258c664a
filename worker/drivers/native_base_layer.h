// Layers of images that others made, as trees.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_BASE_LAYER_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_BASE_LAYER_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/layer/layer_entry.h"
#include "transfer/image_source.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// A layer blob and where it can be had.
struct BaseLayer {
  oci::Descriptor descriptor;
  oci::Digest diff_id;
  std::shared_ptr<transfer::ImageSource> source;
};

// What is in `layer`. Reads the blob only if `cache_directory` (may be empty) does not know the
// diff id. Its contents are unpacked into an unlinked file in `scratch_directory` when the first of
// them is opened; `stop` ends that too. INVALID_ARGUMENT for what the hostile-safe reader refuses;
// otherwise errors of the source. Thread-safe.
absl::StatusOr<std::shared_ptr<const LayerTree>> ReadBaseLayer(const BaseLayer& layer,
                                                               const std::string& cache_directory,
                                                               const std::string& scratch_directory,
                                                               std::stop_token stop);

// Entries as bytes with a checksum, and back; nothing if they are damaged or of another version.
std::string EncodeEntries(const std::vector<oci::LayerEntry>& entries);
std::optional<std::vector<oci::LayerEntry>> DecodeEntries(absl::string_view bytes);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_BASE_LAYER_H_
