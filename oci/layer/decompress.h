// Compressed streams from strangers.

#ifndef STEVEDORE_OCI_LAYER_DECOMPRESS_H_
#define STEVEDORE_OCI_LAYER_DECOMPRESS_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {

// How much to believe.
struct DecompressOptions {
  // Reading fails with RESOURCE_EXHAUSTED once more than this came out: 1 MiB can claim to be 1 GiB
  // (gzip) or far more (zstd).
  uint64_t max_output_bytes = uint64_t{1} << 40;
  // Fails the same way once more than this many bytes came out of each byte that went in. The first
  // `ratio_grace_bytes` of output are free: files of zeros are small and harmless. 0: no limit. No
  // gzip stream exceeds 1032.
  uint64_t max_ratio = 0;
  uint64_t ratio_grace_bytes = uint64_t{1} << 30;
};

// A decompressed stream.
struct Decompressed {
  // What the first bytes said.
  LayerCompression compression = LayerCompression::kNone;
  std::unique_ptr<base::ByteSource> source;
};

// Looks at the first bytes of `source`: gzip (of one or more members) and zstd (of one or more
// frames, skippable ones too) are decompressed, anything else is passed on as it is. Reading from
// the result fails with INVALID_ARGUMENT, naming the offset in the compressed stream, if that is
// damaged, cut short, or followed by anything but zeros. Memory: 64 KiB, and up to 128 MiB of
// window if a zstd stream asks for it.
absl::StatusOr<Decompressed> OpenDecompressed(std::unique_ptr<base::ByteSource> source,
                                              DecompressOptions options = {});

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_DECOMPRESS_H_
