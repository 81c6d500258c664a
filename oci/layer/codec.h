// Chunk compressors: the part of LayerWriter that knows the C libraries.

#ifndef STEVEDORE_OCI_LAYER_CODEC_H_
#define STEVEDORE_OCI_LAYER_CODEC_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/layer/compression.h"

namespace stevedore::oci {

// What remains of a chunk of tar once it is compressed, besides its bytes.
struct CompressedChunk {
  uint64_t size = 0;  // Bytes of output.
  // CRC-32 of the input; only from codecs whose trailer needs it (kGzipFast).
  uint32_t crc = 0;
};

// Compresses chunks, each on its own: the output depends on the input only, not on earlier chunks.
// One per thread: not thread-safe.
class ChunkCodec {
 public:
  virtual ~ChunkCodec() = default;

  // The most bytes that a chunk of `input_bytes` can become.
  virtual uint64_t Bound(uint64_t input_bytes) const = 0;

  // Compresses `input` (at most Compression::chunk_bytes) to `output`, which has room for
  // Bound(input.size()) bytes.
  virtual absl::StatusOr<CompressedChunk> Compress(absl::string_view input, char* output) = 0;
};

// A codec for `compression`, which must not be kNone. RESOURCE_EXHAUSTED without memory.
absl::StatusOr<std::unique_ptr<ChunkCodec>> MakeChunkCodec(const Compression& compression);

// About how many bytes a ChunkCodec for `compression` allocates for itself.
uint64_t CodecMemory(const Compression& compression);

// What comes before the first and after the last chunk of a blob. Not thread-safe.
class BlobFrame {
 public:
  explicit BlobFrame(const Compression& compression) : compression_(compression) {}
  std::string Header() const;
  // Notes the next chunk, made of `input_bytes` of tar.
  void Add(const CompressedChunk& chunk, uint64_t input_bytes);
  // After all chunks.
  std::string Trailer() const;

 private:
  const Compression compression_;
  uint32_t crc_ = 0;
  uint64_t input_bytes_ = 0;
};

// True if byte frequencies are nearly even in each of 16 samples of 4 KiB of `chunk`, as in
// compressed or encrypted data. Chunks under 64 KiB never are. Exact integer arithmetic: equal on
// every CPU. Thread-safe.
bool LooksLikeNoise(absl::string_view chunk);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_CODEC_H_
