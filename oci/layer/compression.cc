#include "oci/layer/compression.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "oci/layer/codec_versions.h"

namespace stevedore::oci {
namespace {

constexpr int kMaxZstdLevel = 19;
constexpr int kDefaultZstdLevel = 3;
// Raised by whoever changes what a codec writes for the same library: it is part of every build
// key.
constexpr int kRevision = 1;

}  // namespace

absl::StatusOr<Compression> Compression::Parse(absl::string_view text) {
  if (text == "none") return Compression(Codec::kNone, 0);
  if (text == "gzip" || text == "gzip:balanced") return Compression(Codec::kGzipBalanced, 3);
  if (text == "gzip:fast") return Compression(Codec::kGzipFast, 1);
  if (text == "gzip:small") return Compression(Codec::kGzipSmall, 6);
  if (text == "zstd") return Compression(Codec::kZstd, kDefaultZstdLevel);
  absl::string_view level_text = text;
  int level = 0;
  if (absl::ConsumePrefix(&level_text, "zstd:") && absl::SimpleAtoi(level_text, &level) &&
      level >= 1 && level <= kMaxZstdLevel) {
    return Compression(Codec::kZstd, level);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("compression ", base::Quoted(text), " is none of gzip, gzip:fast, ",
                   "gzip:balanced, gzip:small, zstd, zstd:1 to zstd:", kMaxZstdLevel, ", none"));
}

std::string Compression::ToString() const {
  switch (codec_) {
    case Codec::kNone:
      return "none";
    case Codec::kGzipFast:
      return "gzip:fast";
    case Codec::kGzipBalanced:
      return "gzip";
    case Codec::kGzipSmall:
      return "gzip:small";
    case Codec::kZstd:
      break;
  }
  return level_ == kDefaultZstdLevel ? "zstd" : absl::StrCat("zstd:", level_);
}

std::string Compression::Identity() const {
  std::string library;
  switch (codec_) {
    case Codec::kNone:
      return "none";
    case Codec::kGzipFast:
      library = absl::StrCat("gzip isal-", IsalVersion());
      break;
    case Codec::kGzipBalanced:
    case Codec::kGzipSmall:
      library = absl::StrCat("gzip libdeflate-", LibdeflateVersion());
      break;
    case Codec::kZstd:
      library = absl::StrCat("zstd libzstd-", ZstdVersion());
      break;
  }
  return absl::StrCat(library, " level ", level_, " chunk ", chunk_bytes(), " revision ",
                      kRevision);
}

uint64_t Compression::chunk_bytes() const {
  // Independent zstd frames of 1 MiB lose 8 % on many small text files, of 4 MiB 2 %; deflate's
  // window is only 32 KiB.
  return codec_ == Codec::kZstd ? uint64_t{4} << 20 : uint64_t{1} << 20;
}

std::string Compression::media_type() const {
  switch (layer_compression()) {
    case LayerCompression::kNone:
      return kOciLayer;
    case LayerCompression::kGzip:
      return kOciLayerGzip;
    case LayerCompression::kZstd:
      break;
  }
  return kOciLayerZstd;
}

LayerCompression Compression::layer_compression() const {
  if (codec_ == Codec::kNone) return LayerCompression::kNone;
  return codec_ == Codec::kZstd ? LayerCompression::kZstd : LayerCompression::kGzip;
}

}  // namespace stevedore::oci
