#include "transfer/docker_archive_images.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"

namespace stevedore::transfer {
namespace {

using Json = nlohmann::json;

// 100 bytes for each layer of an image: 1,000 images of 100 layers stay below.
constexpr uint64_t kMaxListBytes = 16 << 20;
// `docker save` of everything that a machine has is less.
constexpr size_t kMaxImages = 2000;
// Docker allows 127; manifests of others have been seen with more.
constexpr size_t kMaxLayers = 1000;

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("manifest.json: ", what,
                   "; it must be a list of {\"Config\": FILE, \"RepoTags\": [NAME...], \"Layers\": "
                   "[FILE...]} as `docker save` writes"));
}

// The strings of member `name`; a missing or null member is an empty list.
absl::StatusOr<std::vector<std::string>> Strings(const Json& image, const char* name) {
  std::vector<std::string> out;
  const auto member = image.find(name);
  if (member == image.end() || member->is_null()) return out;
  if (!member->is_array()) return Damaged(absl::StrCat(name, " is no list"));
  for (const Json& item : *member) {
    if (!item.is_string()) return Damaged(absl::StrCat(name, " has something that is no text"));
    out.push_back(item.get<std::string>());
  }
  return out;
}

// The compression that the first bytes tell.
oci::LayerCompression Sniff(absl::string_view start) {
  if (absl::StartsWith(start, "\x1f\x8b")) return oci::LayerCompression::kGzip;
  if (absl::StartsWith(start, "\x28\xb5\x2f\xfd")) return oci::LayerCompression::kZstd;
  return oci::LayerCompression::kNone;
}

absl::StatusOr<oci::Digest> HashOf(base::ByteSource& source, const std::stop_token& stop) {
  base::Hasher hasher;
  std::string buffer(256 << 10, '\0');
  while (true) {
    if (stop.stop_requested()) return absl::CancelledError("reading an archive was cancelled");
    ASSIGN_OR_RETURN(const size_t count, source.Read(buffer.data(), buffer.size()));
    if (count == 0) return oci::Digest::FromSha256(hasher.Finish());
    hasher.Update(absl::string_view(buffer.data(), count));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<DockerArchiveImages>> DockerArchiveImages::Open(
    std::unique_ptr<ArchiveFile> archive, std::string place, std::stop_token stop) {
  std::unique_ptr<DockerArchiveImages> images(
      new DockerArchiveImages(std::move(archive), std::move(place)));
  RETURN_IF_ERROR(images->Load(stop), images->place_);
  return images;
}

absl::Status DockerArchiveImages::Load(const std::stop_token& stop) {
  const absl::StatusOr<std::string> text = archive_->Read("manifest.json", kMaxListBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "there is no manifest.json, so this is no archive of `docker save`",
        archive_->Find("oci-layout").has_value() ? "; it has an oci-layout: try oci-archive:"
        : archive_->Find("repositories").has_value()
            ? "; it was saved by a Docker older than 1.10: load and save it again"
            : ""));
  }
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const Json list, oci::ParseJson(*text, kMaxListBytes), "manifest.json");
  if (!list.is_array()) return Damaged("it is no list");
  if (list.size() > kMaxImages) {
    return absl::ResourceExhaustedError(
        absl::StrCat("manifest.json lists ", list.size(), " images; ", kMaxImages, " are allowed"));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    RETURN_IF_ERROR(AddImage(list[i], stop), "image @", i);
  }
  return absl::OkStatus();
}

absl::StatusOr<ArchiveFile::File> DockerArchiveImages::FileAt(const std::string& path) const {
  const std::optional<ArchiveFile::File> file = archive_->FindThroughLinks(path);
  if (file.has_value()) return *file;
  return absl::InvalidArgumentError(
      absl::StrCat("the archive has no file ", base::Quoted(path),
                   ", which manifest.json names; it is incomplete: save the image again"));
}

absl::StatusOr<oci::Descriptor> DockerArchiveImages::AddLayer(const std::string& path,
                                                              const oci::Digest& diff_id,
                                                              const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const ArchiveFile::File file, FileAt(path));
  if (const auto known = hashed_.find(file.offset); known != hashed_.end()) return known->second;
  oci::Descriptor layer{.media_type = oci::kOciLayer, .digest = diff_id, .size = file.size};
  std::string start(std::min<uint64_t>(4, file.size), '\0');
  if (!start.empty()) {
    const std::unique_ptr<base::ByteSource> source = archive_->OpenFile(file);
    ASSIGN_OR_RETURN(const size_t count, source->Read(start.data(), start.size()));
    start.resize(count);
  }
  const oci::LayerCompression compression = Sniff(start);
  if (compression != oci::LayerCompression::kNone) {
    ASSIGN_OR_RETURN(layer.media_type, oci::LayerMediaType(oci::ImageFormat::kOci, compression));
    ASSIGN_OR_RETURN(layer.digest, HashOf(*archive_->OpenFile(file), stop));
    hashed_[file.offset] = layer;
  }
  // A plain layer is its diff id, or reading it fails: nothing is believed here.
  files_[layer.digest] = file;
  return layer;
}

absl::Status DockerArchiveImages::AddImage(const Json& image, const std::stop_token& stop) {
  if (!image.is_object()) return Damaged("an image is no object");
  const auto config_path = image.find("Config");
  if (config_path == image.end() || !config_path->is_string()) {
    return Damaged("an image has no Config");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, Strings(image, "RepoTags"));
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, Strings(image, "Layers"));
  const std::string path = config_path->get<std::string>();
  ASSIGN_OR_RETURN(const ArchiveFile::File file, FileAt(path));
  ASSIGN_OR_RETURN(std::string bytes, archive_->Read(path, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ImageConfig::Parse(std::move(bytes)),
                   base::Quoted(path));
  if (config.diff_ids().size() != paths.size() || paths.size() > kMaxLayers) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest.json names ", paths.size(), " layers where the config has ",
                     config.diff_ids().size(), "; at most ", kMaxLayers, " are allowed"));
  }
  files_[config.digest()] = file;
  Json layers = Json::array();
  for (size_t i = 0; i < paths.size(); ++i) {
    ASSIGN_OR_RETURN(const oci::Descriptor layer, AddLayer(paths[i], config.diff_ids()[i], stop),
                     "layer ", i);
    layers.push_back(layer.ToJson());
  }
  const oci::Descriptor config_descriptor{
      .media_type = oci::kOciConfig, .digest = config.digest(), .size = file.size};
  ASSIGN_OR_RETURN(std::string manifest, oci::CanonicalJson({{"schemaVersion", 2},
                                                             {"mediaType", oci::kOciManifest},
                                                             {"config", config_descriptor.ToJson()},
                                                             {"layers", std::move(layers)}}));
  oci::Descriptor entry{.media_type = oci::kOciManifest,
                        .digest = oci::Digest::Of(manifest),
                        .size = manifest.size()};
  manifests_[entry.digest] = std::move(manifest);
  images_.push_back(entry);
  bool named = false;
  for (const std::string& name : names) {
    // What is no reference cannot be asked for, so it is as good as no name.
    const absl::StatusOr<std::string> canonical = NameOf(name);
    if (!canonical.ok()) continue;
    named = true;
    entries_.push_back(entry);
    entries_.back().annotations[oci::kRefNameAnnotation] = *canonical;
  }
  if (!named) entries_.push_back(entry);
  return absl::OkStatus();
}

absl::StatusOr<oci::Descriptor> DockerArchiveImages::At(uint64_t position) const {
  if (position < images_.size()) return images_[position];
  return absl::NotFoundError(absl::StrCat(Describe(), " has no image at position @", position,
                                          "; it has ", images_.size(), ", counted from 0"));
}

absl::StatusOr<std::optional<uint64_t>> DockerArchiveImages::SizeOf(
    const oci::Digest& digest) const {
  if (const auto found = manifests_.find(digest); found != manifests_.end()) {
    return found->second.size();
  }
  if (const auto found = files_.find(digest); found != files_.end()) return found->second.size;
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> DockerArchiveImages::OpenContent(
    const oci::Digest& digest) const {
  if (const auto found = manifests_.find(digest); found != manifests_.end()) {
    return std::make_unique<base::StringSource>(found->second);
  }
  const auto found = files_.find(digest);
  if (found == files_.end()) return absl::NotFoundError(digest.ToString());
  return archive_->OpenFile(found->second);
}

absl::StatusOr<std::string> DockerArchiveImages::NameOf(const std::string& tag) const {
  ASSIGN_OR_RETURN(const oci::Reference name, oci::Reference::Parse(tag), Describe());
  return name.Canonical();
}

std::optional<std::string> DockerArchiveImages::TagOf(const std::string& name) const {
  const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(name);
  if (!reference.ok()) return std::nullopt;
  return reference->Familiar();
}

}  // namespace stevedore::transfer
