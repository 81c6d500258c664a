// Images with all their layers made one.

#ifndef STEVEDORE_TRANSFER_FLATTEN_H_
#define STEVEDORE_TRANSFER_FLATTEN_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_sink.h"
#include "oci/image/image.h"
#include "oci/layer/compression.h"
#include "oci/layer/layer_writer_options.h"
#include "oci/layer/merged_filesystem.h"

namespace stevedore::transfer {

// How to flatten.
struct FlattenOptions {
  oci::Compression compression = oci::Compression();
  // What the only history entry says.
  std::string created_by = "stevedore";
  // Contents of files are unpacked into an unlinked file here, to be put in order. Empty: the
  // system's folder for temporary files.
  std::string scratch_directory = "";
  int threads = 0;  // That compress; 0: one per core.
  oci::MergeOptions merge = {};
};

// A flattened image; its only layer is in the sink that it was written to.
struct Flattened {
  oci::Image image;
  oci::LayerResult layer;
};

// Writes all that is seen through `layers` (those of `image`) as one layer to `blob`, closes it,
// and makes the documents that go with it: the config keeps every member (ports, volumes, stop
// signal, those nobody knows), history becomes one entry, annotations and media types stay. The
// layer has the order and form of all layers that Stevedore writes, targets of hard links first,
// with the times, owners and extended attributes of the files: equal images make equal layers.
// Errors as MergedFilesystem, and INVALID_ARGUMENT for a compression that the image's format cannot
// say. Thread-safe.
absl::StatusOr<Flattened> FlattenImage(const oci::Image& image,
                                       std::vector<oci::LayerStream> layers,
                                       const FlattenOptions& options, base::ByteSink* blob);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_FLATTEN_H_
