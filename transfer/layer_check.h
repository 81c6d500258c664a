// Whether the bytes of one layer are what they are said to be.

#ifndef STEVEDORE_TRANSFER_LAYER_CHECK_H_
#define STEVEDORE_TRANSFER_LAYER_CHECK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::transfer {

// How far to trust a layer.
struct LayerCheckOptions {
  oci::DecompressOptions decompress = {};
  oci::TarReaderLimits tar = {};
  // Asked for each buffer; an error ends the check. May be null.
  std::function<absl::Status()> go_on = nullptr;
};

// What the bytes of a layer are. A value.
struct LayerFacts {
  // What is wrong, each a sentence without a subject: "is damaged: ...".
  std::vector<std::string> problems;
  // What the first bytes say.
  oci::LayerCompression compression = oci::LayerCompression::kNone;
  // Of the uncompressed tar; nullopt if it could not be read to its end.
  std::optional<oci::Digest> diff_id;
  uint64_t blob_bytes = 0;
  uint64_t tar_bytes = 0;
};

// True for an error that says something about the content (missing, damaged, too large), not about
// the place or the wish to go on. Thread-safe, as all here.
bool IsAboutContent(const absl::Status& status);

// Reads `source`, the blob `blob` of an image, to its end: digest and size, then compression, then
// tar with its whiteouts. `algorithm` is that of the diff id. Errors are those that are not about
// the content.
absl::StatusOr<LayerFacts> CheckLayer(std::unique_ptr<base::ByteSource> source,
                                      const oci::Descriptor& blob, base::HashAlgorithm algorithm,
                                      const LayerCheckOptions& options);

// The same for a blob that is not a layer: digest and size only.
absl::StatusOr<LayerFacts> CheckBlob(std::unique_ptr<base::ByteSource> source,
                                     const oci::Descriptor& blob, const LayerCheckOptions& options);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYER_CHECK_H_
