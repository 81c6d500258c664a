#include "transfer/image_reading.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/registry_options.h"

namespace stevedore::transfer {
namespace {

// Entries without a platform cost two requests each to ask.
constexpr int kAskedLimit = 16;

std::string Doing(const ImageSource& images, const std::string& tag_or_digest) {
  return absl::StrCat("image ", tag_or_digest, " of ", images.Describe());
}

// Walks an index; the manifests found so far stay within the limits.
class IndexWalk {
 public:
  IndexWalk(ImageSource& images, std::stop_token stop) : images_(images), stop_(std::move(stop)) {}

  absl::Status Walk(const RawManifest& document, const std::optional<oci::Platform>& platform,
                    int depth) {
    if (depth > kIndexDepthLimit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(images_.Describe(), ": index ", document.digest.ToString(),
                       " is nested deeper than ", kIndexDepthLimit, " indexes"));
    }
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(document.bytes, document.media_type),
                     images_.Describe(), ": index ", document.digest.ToString());
    for (oci::Descriptor entry : index.manifests()) {
      if (!entry.platform.has_value() || entry.platform->empty()) entry.platform = platform;
      if (!seen_.insert(entry.digest).second) continue;
      if (seen_.size() > kIndexEntryLimit) {
        return absl::ResourceExhaustedError(
            absl::StrCat(images_.Describe(), ": index ", document.digest.ToString(),
                         " leads to more than ", kIndexEntryLimit, " manifests"));
      }
      if (!oci::IsIndexType(entry.media_type)) {
        found_.push_back(std::move(entry));
        continue;
      }
      ASSIGN_OR_RETURN(const RawManifest nested,
                       images_.GetManifest(entry.digest.ToString(), stop_));
      RETURN_IF_ERROR(Walk(nested, entry.platform, depth + 1));
    }
    return absl::OkStatus();
  }

  std::vector<oci::Descriptor> TakeFound() { return std::move(found_); }

 private:
  ImageSource& images_;
  const std::stop_token stop_;
  std::set<oci::Digest> seen_;
  std::vector<oci::Descriptor> found_;
};

absl::StatusOr<oci::ImageConfig> ReadConfig(ImageSource& images, const oci::Manifest& manifest,
                                            std::stop_token stop) {
  ASSIGN_OR_RETURN(std::string bytes, ReadSmallBlob(images, manifest.config(), stop));
  return oci::ImageConfig::Parse(std::move(bytes));
}

// What the config of `document` says; nullopt for artifacts.
absl::StatusOr<std::optional<oci::Platform>> AskPlatform(ImageSource& images,
                                                         const RawManifest& document,
                                                         std::stop_token stop) {
  const auto manifest = oci::Manifest::Parse(document.bytes, document.media_type);
  if (!manifest.ok() || !oci::IsConfigType(manifest->config().media_type)) return std::nullopt;
  absl::StatusOr<oci::ImageConfig> config = ReadConfig(images, *manifest, stop);
  if (absl::IsInvalidArgument(config.status())) return std::nullopt;
  RETURN_IF_ERROR(config.status());
  return config->platform();
}

// "linux/amd64, linux/arm64"; what has none or is no platform of a machine is left out.
std::string PlatformNames(const std::vector<oci::Descriptor>& manifests) {
  std::vector<std::string> names;
  for (const oci::Descriptor& manifest : manifests) {
    if (!manifest.platform.has_value() || manifest.platform->empty()) continue;
    if (manifest.platform->os == "unknown") continue;  // Attestations of buildkit.
    names.push_back(manifest.platform->ToString());
  }
  return names.empty() ? "none that it names" : absl::StrJoin(names, ", ");
}

absl::StatusOr<RawManifest> SelectManifest(ImageSource& images, const RawManifest& index,
                                           const oci::Platform& want, const std::string& doing,
                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> manifests,
                   ListManifests(images, index, stop));
  for (const oci::Descriptor& manifest : manifests) {
    if (manifest.platform.has_value() && !manifest.platform->empty() &&
        manifest.platform->Satisfies(want)) {
      return images.GetManifest(manifest.digest.ToString(), stop);
    }
  }
  int asked = 0;
  for (const oci::Descriptor& manifest : manifests) {
    if (manifest.platform.has_value() && !manifest.platform->empty()) continue;
    if (!oci::IsManifestType(manifest.media_type) || ++asked > kAskedLimit) continue;
    ASSIGN_OR_RETURN(RawManifest document, images.GetManifest(manifest.digest.ToString(), stop));
    ASSIGN_OR_RETURN(const auto platform, AskPlatform(images, document, stop));
    if (platform.has_value() && platform->Satisfies(want)) return document;
  }
  return absl::NotFoundError(absl::StrCat(doing, " is not there for ", want.ToString(),
                                          "; platforms: ", PlatformNames(manifests),
                                          "; choose one with --platform"));
}

}  // namespace

absl::StatusOr<std::vector<oci::Descriptor>> ListManifests(ImageSource& images,
                                                           const RawManifest& index,
                                                           std::stop_token stop) {
  IndexWalk walk(images, std::move(stop));
  RETURN_IF_ERROR(walk.Walk(index, std::nullopt, 1));
  return walk.TakeFound();
}

absl::StatusOr<RawManifest> ReadManifest(ImageSource& images, const std::string& tag_or_digest,
                                         const std::optional<oci::Platform>& platform,
                                         std::stop_token stop) {
  ASSIGN_OR_RETURN(FoundManifest found,
                   FindManifest(images, tag_or_digest, platform, std::move(stop)));
  return std::move(found.manifest);
}

absl::StatusOr<FoundManifest> FindManifest(ImageSource& images, const std::string& tag_or_digest,
                                           const std::optional<oci::Platform>& platform,
                                           std::stop_token stop) {
  const std::string doing = Doing(images, tag_or_digest);
  ASSIGN_OR_RETURN(RawManifest document, images.GetManifest(tag_or_digest, stop));
  ASSIGN_OR_RETURN(document.media_type, oci::DetectMediaType(document.bytes, document.media_type),
                   doing);
  if (oci::IsIndexType(document.media_type)) {
    const oci::Platform want =
        platform.has_value() && !platform->empty() ? *platform : oci::Platform::Host();
    ASSIGN_OR_RETURN(RawManifest manifest, SelectManifest(images, document, want, doing, stop));
    return FoundManifest{std::move(manifest), std::move(document.digest)};
  }
  if (platform.has_value() && !platform->empty()) {
    ASSIGN_OR_RETURN(const auto is, AskPlatform(images, document, stop), doing);
    if (is.has_value() && !is->Satisfies(*platform)) {
      return absl::NotFoundError(absl::StrCat(doing, " is not there for ", platform->ToString(),
                                              "; it is for ", is->ToString(), " only"));
    }
  }
  oci::Digest digest = document.digest;
  return FoundManifest{std::move(document), std::move(digest)};
}

absl::StatusOr<std::string> ReadSmallBlob(ImageSource& images, const oci::Descriptor& blob,
                                          std::stop_token stop) {
  const std::string doing = absl::StrCat("blob ", blob.digest.Short(), " of ", images.Describe());
  if (blob.size > kManifestLimitBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        doing, ": it has ", blob.size, " bytes; at most ", kManifestLimitBytes, " are read"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, images.OpenBlob(blob, stop));
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*source, kManifestLimitBytes), doing);
  return bytes;
}

absl::StatusOr<oci::Image> ReadImage(ImageSource& images, const std::string& tag_or_digest,
                                     const std::optional<oci::Platform>& platform,
                                     std::stop_token stop) {
  const std::string doing = Doing(images, tag_or_digest);
  ASSIGN_OR_RETURN(RawManifest document, ReadManifest(images, tag_or_digest, platform, stop));
  oci::Image image;
  ASSIGN_OR_RETURN(image.manifest,
                   oci::Manifest::Parse(std::move(document.bytes), document.media_type), doing);
  if (!oci::IsConfigType(image.manifest.config().media_type)) {
    return absl::InvalidArgumentError(
        absl::StrCat(doing, " is an artifact, not an image: its config is of type ",
                     base::Quoted(image.manifest.config().media_type)));
  }
  ASSIGN_OR_RETURN(image.config, ReadConfig(images, image.manifest, stop), doing, ": config");
  return image;
}

}  // namespace stevedore::transfer
