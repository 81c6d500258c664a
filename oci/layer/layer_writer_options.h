// How a layer is to be written, and what became of it.

#ifndef STEVEDORE_OCI_LAYER_LAYER_WRITER_OPTIONS_H_
#define STEVEDORE_OCI_LAYER_LAYER_WRITER_OPTIONS_H_

#include <cstdint>
#include <stop_token>

#include "absl/functional/any_invocable.h"
#include "base/memory_budget.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/layer/compression.h"

namespace stevedore::oci {

// How to write one layer.
struct LayerWriterOptions {
  Compression compression = Compression();
  // The time of every entry that has none of its own, in seconds since 1970; not negative.
  int64_t source_date_epoch = 0;
  // How many threads fill and compress, the calling one included. 0: one per core. The result does
  // not depend on it.
  int threads = 0;
  // Where the chunk buffers are leased (one lease per layer, given back at the end; fewer threads
  // work if it is small). Must outlive the call. Null: not counted.
  base::MemoryBudget* budget = nullptr;
  // Ends the call with CANCELLED within about a chunk.
  std::stop_token stop = {};
  // Told how many bytes of tar are in the blob; calls come one after another, from any of the
  // threads.
  absl::AnyInvocable<void(uint64_t tar_bytes_done)> progress = nullptr;
};

// What became of a layer.
struct LayerResult {
  // Digest of the uncompressed tar.
  Digest diff_id;
  // Media type, digest and size of the blob.
  Descriptor descriptor;
  // Bytes.
  uint64_t tar_size = 0;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_LAYER_WRITER_OPTIONS_H_
