// How layer blobs are compressed: a choice that is part of a layer's identity.

#ifndef STEVEDORE_OCI_LAYER_COMPRESSION_H_
#define STEVEDORE_OCI_LAYER_COMPRESSION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {

// A codec and its level. A value; the default is balanced gzip.
//
// The blob depends on the tar, this value and the codec library's version, never on the CPU or the
// number of threads: chunks of fixed size are compressed independently. The diff id depends on the
// tar only.
class Compression {
 public:
  enum class Codec : uint8_t {
    kNone,
    kGzipFast,      // ISA-L level 1, one gzip member.
    kGzipBalanced,  // libdeflate level 3, a gzip member per chunk.
    kGzipSmall,     // libdeflate level 6, a gzip member per chunk.
    kZstd,          // A zstd frame per chunk.
  };

  Compression() = default;

  // "gzip" (= "gzip:balanced"), "gzip:fast", "gzip:small", "zstd" (= "zstd:3"), "zstd:1" to
  // "zstd:19", "none". INVALID_ARGUMENT, listing these, for anything else. Levels of zstd above 9
  // need much memory: 17 MiB per thread at 9, 90 MiB at 19. Thread-safe, as all here.
  static absl::StatusOr<Compression> Parse(absl::string_view text);

  Codec codec() const { return codec_; }
  // Of the codec's own scale; 0 for kNone.
  int level() const { return level_; }

  // The shortest text that Parse reads as this value.
  std::string ToString() const;

  // Codec, level, chunk size, format revision and library version, such as
  // "gzip libdeflate-1.14 level 3 chunk 1048576 revision 1": equal identities and equal tars make
  // equal blobs. For build keys.
  std::string Identity() const;

  // Bytes of tar that are compressed independently.
  uint64_t chunk_bytes() const;

  // OCI media type of a layer blob: kOciLayer, kOciLayerGzip or kOciLayerZstd.
  std::string media_type() const;
  LayerCompression layer_compression() const;

  friend bool operator==(const Compression& a, const Compression& b) {
    return a.codec_ == b.codec_ && a.level_ == b.level_;
  }

 private:
  Compression(Codec codec, int level) : codec_(codec), level_(level) {}

  Codec codec_ = Codec::kGzipBalanced;
  int level_ = 3;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_COMPRESSION_H_
