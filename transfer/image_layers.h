// The layers of an image in a repository, to be read more than once.

#ifndef STEVEDORE_TRANSFER_IMAGE_LAYERS_H_
#define STEVEDORE_TRANSFER_IMAGE_LAYERS_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/image.h"
#include "oci/layer/merged_filesystem.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// How to read layers.
struct ImageLayersOptions {
  // Blobs are kept in unlinked files in this directory while they are read for the first time, and
  // the next time come from there: for places that are far away. Empty: every time from the place.
  std::string spool_directory = "";
  std::stop_token stop = {};
};

// The layers of `image`, the bottom one first, with their diff ids, for MergedFilesystem and
// FlattenImage. `images` must outlive the streams. INVALID_ARGUMENT if manifest and config disagree
// on the number of layers. Each stream fails as ImageSource::OpenBlob. Thread-safe; each of the
// streams may be used by one thread at a time.
absl::StatusOr<std::vector<oci::LayerStream>> OpenImageLayers(ImageSource& images,
                                                              const oci::Image& image,
                                                              const ImageLayersOptions& options);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_LAYERS_H_
