#include "oci/image/media_type.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr char kNonDistributablePrefix[] =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
constexpr char kDockerForeign[] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

struct Pair {
  const char* oci;
  const char* docker;  // Null: Docker has no such type.
};
constexpr Pair kPairs[] = {
    {kOciManifest, kDockerManifest}, {kOciIndex, kDockerManifestList},  {kOciConfig, kDockerConfig},
    {kOciLayer, kDockerLayer},       {kOciLayerGzip, kDockerLayerGzip}, {kOciLayerZstd, nullptr},
};

bool IsWellFormedHalf(absl::string_view half) {
  if (half.empty() || half.size() > 127 || !absl::ascii_isalnum(half[0])) return false;
  for (const char c : half) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("!#$&-^_.+", absl::string_view(&c, 1))) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool IsManifestType(absl::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest;
}

bool IsIndexType(absl::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerManifestList;
}

bool IsConfigType(absl::string_view media_type) {
  return media_type == kOciConfig || media_type == kDockerConfig;
}

bool IsLayerType(absl::string_view media_type) {
  return media_type == kOciLayer || media_type == kOciLayerGzip || media_type == kOciLayerZstd ||
         media_type == kDockerLayer || media_type == kDockerLayerGzip ||
         media_type == kDockerLayerZstd || IsNonDistributable(media_type);
}

bool IsLegacyManifestType(absl::string_view media_type) {
  return media_type == "application/vnd.docker.distribution.manifest.v1+json" ||
         media_type == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

bool IsNonDistributable(absl::string_view media_type) {
  if (media_type == kDockerForeign) return true;
  if (!absl::ConsumePrefix(&media_type, kNonDistributablePrefix)) return false;
  return media_type.empty() || media_type == "+gzip" || media_type == "+zstd";
}

bool IsWellFormedMediaType(absl::string_view media_type) {
  const size_t slash = media_type.find('/');
  return slash != absl::string_view::npos && IsWellFormedHalf(media_type.substr(0, slash)) &&
         IsWellFormedHalf(media_type.substr(slash + 1));
}

LayerCompression CompressionOf(absl::string_view media_type) {
  if (absl::EndsWith(media_type, "+gzip") || absl::EndsWith(media_type, ".tar.gzip")) {
    return LayerCompression::kGzip;
  }
  if (absl::EndsWith(media_type, "+zstd") || absl::EndsWith(media_type, ".tar.zstd")) {
    return LayerCompression::kZstd;
  }
  return LayerCompression::kNone;
}

absl::StatusOr<std::string> LayerMediaType(ImageFormat format, LayerCompression compression) {
  std::string type;
  switch (compression) {
    case LayerCompression::kNone:
      type = kOciLayer;
      break;
    case LayerCompression::kGzip:
      type = kOciLayerGzip;
      break;
    case LayerCompression::kZstd:
      type = kOciLayerZstd;
      break;
  }
  return ConvertMediaType(type, format);
}

absl::StatusOr<std::string> ConvertMediaType(absl::string_view media_type, ImageFormat format) {
  // Read in the wild, never written: Docker's own tools do not know it.
  if (media_type == kDockerLayerZstd && format == ImageFormat::kOci) {
    return std::string(kOciLayerZstd);
  }
  for (const Pair& pair : kPairs) {
    if (format == ImageFormat::kOci && pair.docker != nullptr && media_type == pair.docker) {
      return std::string(pair.oci);
    }
    if (format == ImageFormat::kDocker && media_type == pair.oci) {
      if (pair.docker == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("media type ", media_type,
                         " does not exist in Docker's format; use gzip or the OCI format"));
      }
      return std::string(pair.docker);
    }
  }
  return std::string(media_type);
}

std::string StripParameters(absl::string_view content_type) {
  return absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
}

}  // namespace stevedore::oci
