// The entries of a layer that is declared as a tar of the context.

#ifndef STEVEDORE_WORKER_DRIVERS_TAR_LAYER_H_
#define STEVEDORE_WORKER_DRIVERS_TAR_LAYER_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::worker {

// What a tar holds, ready to be written anew: sorted, with our times and no names of users.
struct TarLayer {
  // Each path once (the last in the tar wins); hard links point to an entry that sorts before them.
  std::vector<oci::LayerEntry> entries;
  // Reads from the tar, or from a spooled copy if that was compressed. Keeps the file open.
  std::unique_ptr<oci::LayerContents> contents;
  uint64_t content_bytes = 0;
};

// Reads the tar `file` of `size` bytes (plain, gzip, zstd, xz or bzip2, told by magic) and puts
// its entries below `to` (absolute). Compressed tars are unpacked into an unlinked file in
// `spool_directory`.
// Modes and owners are the tar's. INVALID_ARGUMENT for what the hostile-safe reader refuses;
// CANCELLED once `stop` is requested.
absl::StatusOr<TarLayer> ReadTarLayer(std::unique_ptr<base::RandomReader> file, uint64_t size,
                                      absl::string_view to, const std::string& spool_directory,
                                      std::stop_token stop);

// The bytes of the tar in `file` of `size` bytes (plain, gzip or zstd), not changed. It is read
// once before, and refused with INVALID_ARGUMENT as ReadTarLayer does: a layer that nobody can
// unpack should fail here. `file` must outlive the result.
absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenVerbatimTar(const base::RandomReader* file,
                                                                  uint64_t size,
                                                                  std::stop_token stop);

// `reader`'s first `size` bytes as a stream that ends with CANCELLED once `stop` is requested.
// `reader` must outlive it.
std::unique_ptr<base::ByteSource> StreamOf(const base::RandomReader* reader, uint64_t size,
                                           std::stop_token stop);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_TAR_LAYER_H_
