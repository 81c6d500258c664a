#include "cli/platform_manifests.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::cli {
namespace {

absl::StatusOr<PlatformManifests> FromIndex(const transfer::RawManifest& raw,
                                            const std::vector<std::string>& platforms) {
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(raw.bytes, raw.media_type));
  PlatformManifests manifests;
  for (const std::string& text : platforms) {
    ASSIGN_OR_RETURN(const oci::Platform platform, oci::Platform::Parse(text));
    absl::StatusOr<oci::Descriptor> entry = index.Select(platform);
    if (!entry.ok()) return absl::InvalidArgumentError(entry.status().message());
    manifests[text] = entry->digest.ToString();
  }
  return manifests;
}

absl::StatusOr<PlatformManifests> FromManifest(transfer::ImageSource& source,
                                               const transfer::RawManifest& raw,
                                               const std::vector<std::string>& platforms,
                                               std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes, raw.media_type));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> bytes,
                   source.OpenBlob(manifest.config(), std::move(stop)));
  ASSIGN_OR_RETURN(std::string text, base::ReadAll(*bytes, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ImageConfig::Parse(std::move(text)));
  PlatformManifests manifests;
  for (const std::string& name : platforms) {
    ASSIGN_OR_RETURN(const oci::Platform platform, oci::Platform::Parse(name));
    if (!config.platform().Satisfies(platform)) {
      return absl::InvalidArgumentError(
          absl::StrCat("it is an image for ", config.platform().ToString(), ", but ", name,
                       " is built; use a parent for that platform or change `platforms`"));
    }
    manifests[name] = raw.digest.ToString();
  }
  return manifests;
}

}  // namespace

absl::StatusOr<std::optional<PlatformManifests>> FindPlatformManifests(
    transfer::ImageSource& source, const std::string& tag_or_digest,
    const std::vector<std::string>& platforms, std::stop_token stop) {
  absl::StatusOr<transfer::RawManifest> raw = source.GetManifest(tag_or_digest, stop);
  if (absl::IsNotFound(raw.status())) return std::nullopt;
  if (!raw.ok()) return raw.status();
  if (oci::IsIndexType(raw->media_type)) return FromIndex(*raw, platforms);
  return FromManifest(source, *raw, platforms, std::move(stop));
}

absl::Status CopyImage(transfer::ImageSource& source, transfer::ImageSink& sink,
                       const std::string& digest, std::stop_token stop) {
  ASSIGN_OR_RETURN(const transfer::RawManifest raw, source.GetManifest(digest, stop));
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes, raw.media_type));
  std::vector<oci::Descriptor> blobs = manifest.layers();
  blobs.push_back(manifest.config());
  for (const oci::Descriptor& blob : blobs) {
    ASSIGN_OR_RETURN(const bool there, sink.HasBlob(blob.digest, stop));
    if (there) continue;
    RETURN_IF_ERROR(sink.PutBlob(
        blob, [&] { return source.OpenBlob(blob, stop); }, stop));
  }
  return sink.PutManifest(digest, raw.bytes, raw.media_type, stop).status();
}

}  // namespace stevedore::cli
