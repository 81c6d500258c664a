// The engine of LayerWriter: chunks filled and compressed by all threads, hashed and written in
// order.

#ifndef STEVEDORE_OCI_LAYER_CHUNK_PIPELINE_H_
#define STEVEDORE_OCI_LAYER_CHUNK_PIPELINE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "oci/layer/codec.h"
#include "oci/layer/layer_writer_options.h"

namespace stevedore::oci {

// Where the bytes of a tar come from.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;

  // Bytes in all, if known. Then any thread may fill any place at any time; if not, Fill is called
  // for one place after another, by one thread at a time.
  virtual std::optional<uint64_t> size() const = 0;

  // Fills `buffer` with the `size` bytes at `offset`. Returns fewer only at the end.
  virtual absl::StatusOr<size_t> Fill(uint64_t offset, char* buffer, size_t size) = 0;
};

// Runs one layer through a ring of chunk buffers. Any thread claims the next chunk, fills and
// compresses it. Two chains need the chunks in order: the hash of the tar, and the blob (its hash
// and its sink). Whoever completes the chunk that a chain waits for carries it on until it meets a
// chunk that is not ready: there is no thread that only hashes or writes, and no queue. Memory is
// the ring, whatever the size of the layer.
class ChunkPipeline {
 public:
  // `source` and `blob` must outlive it.
  ChunkPipeline(ChunkSource* source, base::ByteSink* blob, LayerWriterOptions options);
  ~ChunkPipeline();

  // Does everything, closes `blob` and returns what came out. Call once. Errors as WriteLayer's.
  absl::StatusOr<LayerResult> Run() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One place of the ring.
  struct Slot {
    std::unique_ptr<char[]> input;
    std::unique_ptr<char[]> output;  // Null if not compressed.
    uint64_t input_size = 0;
    CompressedChunk compressed;
    bool filled = false;            // The tar's chain may take it.
    bool compressed_ready = false;  // The blob's chain may take it.
  };
  // How a layer is to be worked on.
  struct Shape {
    int threads = 1;
    uint64_t slots = 1;
    uint64_t bytes = 0;  // Of buffers and codecs.
  };

  Shape ChooseShape(uint64_t output_bound) const;
  void AllocateSlots(const Shape& shape, uint64_t output_bound);
  void RunThreads(int threads) ABSL_LOCKS_EXCLUDED(mu_);
  void Work() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status WorkOnChunks() ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<uint64_t> Claim() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> Fill(uint64_t index, Slot& slot) ABSL_LOCKS_EXCLUDED(mu_);
  void AdvanceTar() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AdvanceBlob() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status WriteChunk(const Slot& slot);
  absl::Status WriteBlob(absl::string_view bytes);
  void Fail(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<LayerResult> Conclude() ABSL_LOCKS_EXCLUDED(mu_);

  Slot& SlotOf(uint64_t index) { return slots_[index % slots_.size()]; }
  bool compresses() const { return options_.compression.codec() != Compression::Codec::kNone; }
  uint64_t FreedChunks() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::min(tar_head_, blob_head_);
  }

  ChunkSource* const source_;
  base::ByteSink* const blob_;
  LayerWriterOptions options_;
  const uint64_t chunk_bytes_;
  const bool sequential_;  // The source's size is not known.
  // A slot belongs to the thread that claimed its chunk, then to whoever holds the chains; the
  // flags in it are guarded by `mu_`.
  std::vector<Slot> slots_;
  // Belong to the holder of the tar's chain.
  base::Hasher tar_hasher_;
  uint64_t tar_size_ = 0;
  // Belong to the holder of the blob's chain.
  base::Hasher blob_hasher_;
  BlobFrame frame_;
  uint64_t blob_size_ = 0;
  uint64_t tar_bytes_in_blob_ = 0;

  base::Mutex mu_;
  base::CondVar changed_;  // Room in the ring, the end, or a failure.
  uint64_t next_chunk_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<uint64_t> chunk_count_ ABSL_GUARDED_BY(mu_);
  bool filling_ ABSL_GUARDED_BY(mu_) = false;  // Only if `sequential_`.
  uint64_t tar_head_ ABSL_GUARDED_BY(mu_) = 0;
  bool tar_held_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t blob_head_ ABSL_GUARDED_BY(mu_) = 0;
  bool blob_held_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);  // The first failure.
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_CHUNK_PIPELINE_H_
