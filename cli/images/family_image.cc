#include "cli/images/family_image.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::json;

constexpr char kBaseDigest[] = "org.opencontainers.image.base.digest";

// What an image is asked for by those who build on it.
oci::Platform Essence(const oci::Platform& platform) {
  oci::Platform essence;
  essence.os = platform.os;
  essence.architecture = platform.architecture;
  essence.variant = platform.variant;
  return essence;
}

absl::StatusOr<oci::Image> ReadVariant(transfer::ImageSource& source,
                                       const transfer::RawManifest& raw, std::stop_token stop) {
  oci::Image image;
  ASSIGN_OR_RETURN(image.manifest, oci::Manifest::Parse(raw.bytes, raw.media_type));
  const oci::Descriptor& config = image.manifest.config();
  if (!oci::IsConfigType(config.media_type)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it is an artifact (config of type ", base::Quoted(config.media_type), "), not an image"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> bytes,
                   source.OpenBlob(config, std::move(stop)));
  ASSIGN_OR_RETURN(std::string text, base::ReadAll(*bytes, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(image.config, oci::ImageConfig::Parse(std::move(text)), "config ",
                   config.digest.Short());
  return image;
}

// Attestations of BuildKit are manifests for platform "unknown/unknown".
bool IsAttached(const oci::Descriptor& entry) {
  return !entry.artifact_type.empty() || entry.annotations.count("vnd.docker.reference.type") > 0 ||
         (entry.platform.has_value() && entry.platform->os == "unknown");
}

}  // namespace

const FamilyVariant* FamilyImage::Find(const oci::Platform& platform) const {
  const oci::Platform wanted = Essence(platform);
  const FamilyVariant* close = nullptr;
  for (const FamilyVariant& variant : variants) {
    const oci::Platform here = Essence(variant.platform);
    if (here == wanted) return &variant;
    // One of them does not say which variant of the CPU it is for.
    if (close == nullptr && (here.Satisfies(wanted) || wanted.Satisfies(here))) close = &variant;
  }
  return close;
}

absl::StatusOr<std::optional<FamilyImage>> ReadFamilyImage(transfer::ImageSource& source,
                                                           const std::string& tag_or_digest,
                                                           std::stop_token stop) {
  absl::StatusOr<transfer::RawManifest> raw = source.GetManifest(tag_or_digest, stop);
  if (absl::IsNotFound(raw.status())) return std::nullopt;
  if (!raw.ok()) return raw.status();
  FamilyImage image;
  image.document = *std::move(raw);
  image.is_index = oci::IsIndexType(image.document.media_type);
  if (!image.is_index) {
    ASSIGN_OR_RETURN(oci::Image only, ReadVariant(source, image.document, stop));
    const oci::Platform platform = only.config.platform();
    image.variants.push_back(FamilyVariant{platform, std::move(only)});
    return image;
  }
  ASSIGN_OR_RETURN(const oci::Index index,
                   oci::Index::Parse(image.document.bytes, image.document.media_type));
  for (const oci::Descriptor& entry : index.manifests()) {
    if (IsAttached(entry)) {
      image.attached.push_back(entry.digest);
      continue;
    }
    if (!oci::IsManifestType(entry.media_type)) {
      return absl::InvalidArgumentError(
          absl::StrCat("its index holds ", base::Quoted(entry.media_type), " (",
                       entry.digest.Short(), "), not only manifests"));
    }
    ASSIGN_OR_RETURN(const transfer::RawManifest child,
                     source.GetManifest(entry.digest.ToString(), stop));
    ASSIGN_OR_RETURN(oci::Image one, ReadVariant(source, child, stop), "manifest ",
                     entry.digest.Short());
    const oci::Platform platform = entry.platform.value_or(one.config.platform());
    image.variants.push_back(FamilyVariant{platform, std::move(one)});
  }
  return image;
}

absl::StatusOr<transfer::RawManifest> ReplaceVariants(const FamilyImage& old,
                                                      const std::vector<oci::Image>& images,
                                                      const oci::Digest& base) {
  if (!old.is_index) {
    const oci::Manifest& manifest = images.front().manifest;
    return transfer::RawManifest{manifest.bytes(), manifest.media_type(), manifest.digest()};
  }
  ASSIGN_OR_RETURN(Json json, oci::ParseJson(old.document.bytes), "index");
  std::set<std::string> attached;
  for (const oci::Digest& digest : old.attached) attached.insert(digest.ToString());
  Json entries = Json::array();
  size_t next = 0;
  for (Json& entry : json["manifests"]) {
    if (attached.count(entry["digest"].get<std::string>()) > 0) continue;
    if (next >= images.size()) {
      return absl::InvalidArgumentError("index: it lists more images than were read");
    }
    const oci::Image& image = images[next++];
    entry["digest"] = image.manifest.digest().ToString();
    entry["mediaType"] = image.manifest.media_type();
    entry["size"] = image.manifest.bytes().size();
    entry.erase("data");
    // The system's version is the new base's; the rest was checked to be the same.
    const std::string& os_version = image.config.platform().os_version;
    if (entry.contains("platform") && !os_version.empty()) {
      entry["platform"]["os.version"] = os_version;
    }
    entries.push_back(std::move(entry));
  }
  json["manifests"] = std::move(entries);
  if (json.contains("annotations") && json["annotations"].contains(kBaseDigest)) {
    json["annotations"][kBaseDigest] = base.ToString();
  }
  transfer::RawManifest document;
  ASSIGN_OR_RETURN(document.bytes, oci::CanonicalJson(json), "index");
  document.media_type = old.document.media_type;
  document.digest = oci::Digest::Of(document.bytes);
  return document;
}

}  // namespace stevedore::cli
