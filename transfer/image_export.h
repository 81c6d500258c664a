// The file system of an image as one tar.

#ifndef STEVEDORE_TRANSFER_IMAGE_EXPORT_H_
#define STEVEDORE_TRANSFER_IMAGE_EXPORT_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_sink.h"
#include "oci/image/platform.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// How to export.
struct ImageExportOptions {
  // Of an index; nullopt: that of this machine.
  std::optional<oci::Platform> platform = std::nullopt;
  // As ImageLayersOptions: where layers wait for their second reading, for places far away.
  std::string spool_directory = "";
  std::stop_token stop = {};
};

// What was exported. A value.
struct ImageExport {
  // The image is an artifact of one file, which was passed on as it is.
  bool raw = false;
  uint64_t entries = 0;  // Of the tar.
  // Symbolic links that lead out of the root and were left out.
  std::vector<std::string> dropped;
};

// Writes what is seen through all layers of an image to `sink` as a tar (see
// MergedFilesystem::WriteTar) and does not close it; nothing that could be unpacked outside of a
// folder is in it. The one layer of an image that is no tar is written raw. Layers are streamed,
// each is read twice. INVALID_ARGUMENT for an artifact of several files; otherwise as ReadImage and
// MergedFilesystem. Thread-safe.
absl::StatusOr<ImageExport> ExportImage(ImageSource& images, const std::string& tag_or_digest,
                                        const ImageExportOptions& options, base::ByteSink* sink);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_EXPORT_H_
