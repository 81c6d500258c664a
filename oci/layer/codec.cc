#include "oci/layer/codec.h"

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/c_handle.h"

namespace stevedore::oci {
namespace {

using Deflater = base::CHandle<libdeflate_compressor, libdeflate_free_compressor>;
using ZstdContext = base::CHandle<ZSTD_CCtx, ZSTD_freeCCtx>;

// RFC 1952: no flags, no time, no extra flags, made on Unix. Ours, so that no library decides.
constexpr absl::string_view kGzipHeader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
constexpr uint64_t kGzipTrailerBytes = 8;
// A stored block of deflate: type, length, length inverted; then at most this many bytes.
constexpr uint64_t kStoredBlockBytes = 65535;
constexpr uint64_t kStoredHeaderBytes = 5;

constexpr uint64_t kNoiseSamples = 16;
constexpr uint64_t kNoiseSampleBytes = 4096;
// Chunks that look like noise are proven by compressing this much of them.
constexpr uint64_t kTrials = 2;
constexpr uint64_t kTrialBytes = 8192;

void PutLe32(uint32_t value, char* out) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (8 * i));
}

absl::Status NoMemory(absl::string_view library) {
  return absl::ResourceExhaustedError(absl::StrCat("no memory for a compressor of ", library));
}

uint64_t StoredSize(uint64_t bytes) {
  const uint64_t blocks =
      std::max<uint64_t>(1, (bytes + kStoredBlockBytes - 1) / kStoredBlockBytes);
  return bytes + blocks * kStoredHeaderBytes;
}

// Writes `input` as stored blocks, the last of them final if `final`; must start at a byte boundary
// of the stream.
uint64_t Store(absl::string_view input, bool final, char* out) {
  char* const start = out;
  do {
    const uint64_t size = std::min<uint64_t>(input.size(), kStoredBlockBytes);
    *out++ = final && size == input.size() ? 1 : 0;
    *out++ = static_cast<char>(size);
    *out++ = static_cast<char>(size >> 8);
    *out++ = static_cast<char>(~size);
    *out++ = static_cast<char>(~size >> 8);
    std::memcpy(out, input.data(), size);
    out += size;
    input.remove_prefix(size);
  } while (!input.empty());
  return out - start;
}

// Tells whether a chunk is worth compressing. Both steps look at fixed places, so the answer
// depends on the bytes only.
class NoiseDetector {
 public:
  static absl::StatusOr<NoiseDetector> Create() {
    NoiseDetector detector;
    detector.deflater_.reset(libdeflate_alloc_compressor(1));
    if (detector.deflater_ == nullptr) return NoMemory("libdeflate");
    return detector;
  }

  bool IsNoise(absl::string_view chunk) {
    if (!LooksLikeNoise(chunk)) return false;
    // Even frequencies can still repeat: try.
    out_.resize(libdeflate_deflate_compress_bound(deflater_.get(), kTrialBytes));
    uint64_t compressed = 0;
    const uint64_t step = (chunk.size() - kTrialBytes) / (kTrials - 1);
    for (uint64_t i = 0; i < kTrials; ++i) {
      compressed += libdeflate_deflate_compress(deflater_.get(), chunk.data() + i * step,
                                                kTrialBytes, out_.data(), out_.size());
    }
    return compressed * 100 >= kTrials * kTrialBytes * 99;
  }

 private:
  Deflater deflater_;
  std::vector<char> out_;
};

// gzip:balanced and gzip:small. libdeflate cannot end a chunk without ending the stream, so each
// chunk is a gzip member, which RFC 1952 lets follow one another.
class GzipMemberCodec final : public ChunkCodec {
 public:
  GzipMemberCodec(Deflater deflater, NoiseDetector noise)
      : deflater_(std::move(deflater)), noise_(std::move(noise)) {}

  uint64_t Bound(uint64_t input_bytes) const override {
    return kGzipHeader.size() + kGzipTrailerBytes +
           std::max<uint64_t>(libdeflate_deflate_compress_bound(nullptr, input_bytes),
                              StoredSize(input_bytes));
  }

  absl::StatusOr<CompressedChunk> Compress(absl::string_view input, char* output) override {
    std::memcpy(output, kGzipHeader.data(), kGzipHeader.size());
    char* const body = output + kGzipHeader.size();
    uint64_t size = 0;
    if (noise_.IsNoise(input)) {
      size = Store(input, /*final=*/true, body);
    } else {
      size =
          libdeflate_deflate_compress(deflater_.get(), input.data(), input.size(), body,
                                      Bound(input.size()) - kGzipHeader.size() - kGzipTrailerBytes);
      if (size == 0) return absl::InternalError("libdeflate: output is above its own bound");
    }
    PutLe32(libdeflate_crc32(0, input.data(), input.size()), body + size);
    PutLe32(static_cast<uint32_t>(input.size()), body + size + 4);
    return CompressedChunk{.size = kGzipHeader.size() + size + kGzipTrailerBytes};
  }

 private:
  const Deflater deflater_;
  NoiseDetector noise_;
};

// gzip:fast. Chunks end with a sync flush, at a byte boundary, and refer to nothing before them:
// they stand one after another in a single gzip member.
class IgzipCodec final : public ChunkCodec {
 public:
  explicit IgzipCodec(NoiseDetector noise) : noise_(std::move(noise)) {}

  uint64_t Bound(uint64_t input_bytes) const override {
    // isal_deflate may need more than the input where it cannot compress; what goes beyond this is
    // stored instead.
    return std::max(StoredSize(input_bytes), input_bytes + input_bytes / 8 + 1024);
  }

  absl::StatusOr<CompressedChunk> Compress(absl::string_view input, char* output) override {
    CompressedChunk chunk;
    chunk.crc = libdeflate_crc32(0, input.data(), input.size());
    if (!noise_.IsNoise(input)) {
      isal_deflate_init(stream_.get());
      stream_->level = 1;
      stream_->level_buf = level_buffer_.data();
      stream_->level_buf_size = level_buffer_.size();
      stream_->gzip_flag = IGZIP_DEFLATE;
      stream_->flush = SYNC_FLUSH;
      stream_->end_of_stream = 0;
      stream_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
      stream_->avail_in = static_cast<uint32_t>(input.size());
      stream_->next_out = reinterpret_cast<uint8_t*>(output);
      stream_->avail_out = static_cast<uint32_t>(Bound(input.size()));
      const int result = isal_deflate(stream_.get());
      if (result != COMP_OK) return absl::InternalError(absl::StrCat("isal_deflate: ", result));
      chunk.size = stream_->total_out;
    }
    const bool complete = chunk.size > 0 && stream_->avail_in == 0 && stream_->avail_out > 0;
    if (!complete || chunk.size > StoredSize(input.size())) {
      chunk.size = Store(input, /*final=*/false, output);
    }
    return chunk;
  }

 private:
  NoiseDetector noise_;
  // On the heap: it holds 100 KiB of buffers.
  const std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
  std::vector<uint8_t> level_buffer_ = std::vector<uint8_t>(ISAL_DEF_LVL1_DEFAULT);
};

// zstd. A frame per chunk, with its content size and without a checksum (the digests are better).
// Raw blocks for noise are zstd's own work.
class ZstdCodec final : public ChunkCodec {
 public:
  explicit ZstdCodec(ZstdContext context) : context_(std::move(context)) {}

  uint64_t Bound(uint64_t input_bytes) const override { return ZSTD_compressBound(input_bytes); }

  absl::StatusOr<CompressedChunk> Compress(absl::string_view input, char* output) override {
    const size_t size =
        ZSTD_compress2(context_.get(), output, Bound(input.size()), input.data(), input.size());
    if (ZSTD_isError(size)) {
      return absl::InternalError(absl::StrCat("zstd: ", ZSTD_getErrorName(size)));
    }
    return CompressedChunk{.size = size};
  }

 private:
  const ZstdContext context_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkCodec>> MakeChunkCodec(const Compression& compression) {
  if (compression.codec() == Compression::Codec::kNone) {
    return absl::InternalError("compression `none` has no codec");
  }
  if (compression.codec() == Compression::Codec::kZstd) {
    ZstdContext context(ZSTD_createCCtx());
    if (context == nullptr) return NoMemory("zstd");
    const size_t set =
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, compression.level());
    if (ZSTD_isError(set)) {
      return absl::InternalError(
          absl::StrCat("zstd: set level ", compression.level(), ": ", ZSTD_getErrorName(set)));
    }
    return std::make_unique<ZstdCodec>(std::move(context));
  }
  absl::StatusOr<NoiseDetector> noise = NoiseDetector::Create();
  if (!noise.ok()) return noise.status();
  if (compression.codec() == Compression::Codec::kGzipFast) {
    return std::make_unique<IgzipCodec>(*std::move(noise));
  }
  Deflater deflater(libdeflate_alloc_compressor(compression.level()));
  if (deflater == nullptr) return NoMemory("libdeflate");
  return std::make_unique<GzipMemberCodec>(std::move(deflater), *std::move(noise));
}

uint64_t CodecMemory(const Compression& compression) {
  switch (compression.codec()) {
    case Compression::Codec::kNone:
      return 0;
    case Compression::Codec::kGzipFast:
    case Compression::Codec::kGzipBalanced:
    case Compression::Codec::kGzipSmall:
      return uint64_t{1} << 20;  // Of libdeflate, both compressors: 0.6 to 0.9 MiB.
    case Compression::Codec::kZstd:
      break;
  }
  switch (compression.level()) {  // For inputs of at most one chunk.
    case 1:
    case 2:
    case 3:
    case 4:
      return uint64_t{7} << 19;  // 3.5 MiB, measured.
    default:
      return uint64_t{compression.level() < 13 ? 20u : 90u} << 20;
  }
}

std::string BlobFrame::Header() const {
  return compression_.codec() == Compression::Codec::kGzipFast ? std::string(kGzipHeader) : "";
}

void BlobFrame::Add(const CompressedChunk& chunk, uint64_t input_bytes) {
  if (compression_.codec() == Compression::Codec::kGzipFast) {
    crc_ = static_cast<uint32_t>(crc32_combine(crc_, chunk.crc, input_bytes));
  }
  input_bytes_ += input_bytes;
}

std::string BlobFrame::Trailer() const {
  if (compression_.codec() != Compression::Codec::kGzipFast) return "";
  // The chunks left the stream open: an empty final block ends it.
  std::string trailer(kStoredHeaderBytes + kGzipTrailerBytes, '\0');
  Store("", /*final=*/true, trailer.data());
  PutLe32(crc_, trailer.data() + kStoredHeaderBytes);
  PutLe32(static_cast<uint32_t>(input_bytes_), trailer.data() + kStoredHeaderBytes + 4);
  return trailer;
}

bool LooksLikeNoise(absl::string_view chunk) {
  if (chunk.size() < kNoiseSamples * kNoiseSampleBytes) return false;
  const uint64_t step = (chunk.size() - kNoiseSampleBytes) / (kNoiseSamples - 1);
  for (uint64_t i = 0; i < kNoiseSamples; ++i) {
    std::array<uint32_t, 256> counts = {};
    for (const char c : chunk.substr(i * step, kNoiseSampleBytes)) {
      ++counts[static_cast<unsigned char>(c)];
    }
    // The sum of squares is n²/256 for even counts, about n more for random ones, and n² for one
    // byte repeated.
    uint64_t squares = 0;
    for (const uint64_t count : counts) squares += count * count;
    if (squares > (kNoiseSampleBytes * kNoiseSampleBytes / 256 + kNoiseSampleBytes) * 5 / 4) {
      return false;
    }
  }
  return true;
}

}  // namespace stevedore::oci
