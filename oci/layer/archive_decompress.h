// Compressed archives from strangers, in every form that people make them in.

#ifndef STEVEDORE_OCI_LAYER_ARCHIVE_DECOMPRESS_H_
#define STEVEDORE_OCI_LAYER_ARCHIVE_DECOMPRESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/layer/decompress.h"

namespace stevedore::oci {

// An archive's bytes, decompressed.
struct OpenedArchive {
  bool compressed = false;
  std::unique_ptr<base::ByteSource> source;
};

// As OpenDecompressed, and bzip2 and xz too: layers never come in these, archives do. Memory: up to
// 128 MiB for what an xz stream asks for; more is RESOURCE_EXHAUSTED.
absl::StatusOr<OpenedArchive> OpenArchive(std::unique_ptr<base::ByteSource> source,
                                          DecompressOptions options = {});

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_ARCHIVE_DECOMPRESS_H_
