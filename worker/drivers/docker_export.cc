#include "worker/drivers/docker_export.h"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/layer/digesting_sink.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/tar_reader.h"
#include "transfer/image_sink.h"
#include "worker/drivers/layer_cache.h"

namespace stevedore::worker {
namespace {

using Json = nlohmann::json;

// Names are small; forgetting all of them now and then costs one spooled layer each.
constexpr size_t kMaxNames = 100'000;
// Bytes between two reports of progress.
constexpr uint64_t kProgressStep = 1 << 20;

// One layer of the image and where it will be.
struct LayerPlace {
  oci::Digest diff_id;
  std::optional<oci::Descriptor> descriptor;
  int parent = -1;  // Of an inherited layer.
};

// One archive being read.
class Import {
 public:
  Import(const DockerExport& parts, const transfer::EngineImage& image)
      : parts_(parts),
        request_(parts.request),
        image_(image),
        cache_(parts.resources.cache_directory.empty()
                   ? ""
                   : absl::StrCat(parts.resources.cache_directory, "/layers")) {}

  absl::StatusOr<BuiltImage> Run(base::ByteSource& archive) {
    RETURN_IF_ERROR(FindPlaces());
    oci::TarReader reader(&archive);
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<oci::TarEntry> entry, reader.Next(), "engine's archive");
      if (!entry.has_value()) break;
      if (entry->entry.type != oci::LayerEntry::Type::kFile) continue;
      RETURN_IF_ERROR(TakeEntry(entry->entry, reader.Content()));
    }
    return Compose();
  }

 private:
  absl::Status FindPlaces();
  absl::Status TakeEntry(const oci::LayerEntry& entry, base::ByteSource& content);
  absl::Status TakeConfig(base::ByteSource& content);
  absl::Status TakeNamedLayer(const std::string& folder, base::ByteSource& content);
  absl::Status TakeUnknownLayer(const std::string& folder, base::ByteSource& content);
  absl::Status TakeLayer(const oci::Digest& diff_id, base::ByteSource& content);
  absl::StatusOr<bool> TakeCached(const oci::Digest& diff_id);
  void Settle(const oci::Digest& diff_id, const oci::Descriptor& descriptor);
  bool Wanted(const oci::Digest& diff_id) const;
  absl::StatusOr<BuiltImage> Compose() const;
  std::string CacheKey(const oci::Digest& diff_id) const {
    return LayerCache::Key(base::Sha256(absl::StrCat("tar ", diff_id.ToString())),
                           parts_.compression.Identity(), 0);
  }

  const DockerExport& parts_;
  const BuildRequest& request_;
  const transfer::EngineImage& image_;
  const LayerCache cache_;
  std::vector<LayerPlace> places_;
  std::optional<oci::ImageConfig> config_;
  uint64_t new_bytes_ = 0;
  uint64_t done_bytes_ = 0, told_bytes_ = 0;
};

absl::Status Import::FindPlaces() {
  for (const std::string& text : image_.diff_ids) {
    LayerPlace place;
    ASSIGN_OR_RETURN(place.diff_id, oci::Digest::Parse(text), "engine's image ", image_.id);
    for (size_t p = 0; p < request_.parents.size() && place.parent < 0; ++p) {
      const oci::Image& parent = request_.parents[p].image;
      const std::vector<oci::Digest>& known = parent.config.diff_ids();
      const auto found = std::find(known.begin(), known.end(), place.diff_id);
      const size_t index = found - known.begin();
      if (found == known.end() || index >= parent.manifest.layers().size()) continue;
      place.parent = static_cast<int>(p);
      place.descriptor = parent.manifest.layers()[index];
    }
    places_.push_back(std::move(place));
  }
  return absl::OkStatus();
}

bool Import::Wanted(const oci::Digest& diff_id) const {
  return std::any_of(places_.begin(), places_.end(), [&](const LayerPlace& place) {
    return place.diff_id == diff_id && !place.descriptor.has_value();
  });
}

void Import::Settle(const oci::Digest& diff_id, const oci::Descriptor& descriptor) {
  for (LayerPlace& place : places_) {
    if (place.diff_id == diff_id && !place.descriptor.has_value()) place.descriptor = descriptor;
  }
}

absl::Status Import::TakeEntry(const oci::LayerEntry& entry, base::ByteSource& content) {
  // Up to Docker 24: <hex>.json and <folder>/layer.tar; later: blobs/sha256/<hex>.
  absl::string_view path = entry.path;
  absl::string_view config_hex = image_.id;
  absl::ConsumePrefix(&config_hex, "sha256:");
  if (path == absl::StrCat(config_hex, ".json") ||
      path == absl::StrCat("blobs/sha256/", config_hex)) {
    return TakeConfig(content);
  }
  if (absl::ConsumePrefix(&path, "blobs/sha256/")) {
    const absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(absl::StrCat("sha256:", path));
    if (digest.ok() && Wanted(*digest)) return TakeLayer(*digest, content);
    return absl::OkStatus();
  }
  if (absl::ConsumeSuffix(&path, "/layer.tar")) return TakeNamedLayer(std::string(path), content);
  return absl::OkStatus();
}

absl::Status Import::TakeConfig(base::ByteSource& content) {
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(content, oci::kMaxDocumentBytes),
                   "config of the engine's image");
  ASSIGN_OR_RETURN(config_, oci::ImageConfig::Parse(std::move(bytes)),
                   "config of the engine's image");
  if (config_->digest().ToString() == image_.id) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the engine exported ", config_->digest().ToString(),
                                          " when asked for image ", image_.id));
}

absl::Status Import::TakeNamedLayer(const std::string& folder, base::ByteSource& content) {
  oci::Digest known = parts_.names->Find(folder);
  // The last layer that is missing, if nothing else can come.
  if (known.empty() && places_.size() == 1) known = places_[0].diff_id;
  if (known.empty()) return TakeUnknownLayer(folder, content);
  if (!Wanted(known)) return absl::OkStatus();
  return TakeLayer(known, content);
}

absl::Status Import::TakeUnknownLayer(const std::string& folder, base::ByteSource& content) {
  // Which layer it is shows only at its end.
  if (!parts_.resources.scratch_directory.empty()) {
    RETURN_IF_ERROR(base::MakeDirectories(parts_.resources.scratch_directory));
  }
  ASSIGN_OR_RETURN(const base::TemporaryDirectory scratch,
                   base::TemporaryDirectory::Create(
                       parts_.resources.scratch_directory.empty()
                           ? ""
                           : base::JoinPath(parts_.resources.scratch_directory, "layer.")));
  const std::string path = base::JoinPath(scratch.path(), "layer.tar");
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  base::FileSink sink(std::move(file), path);
  oci::DigestingSink digesting(&sink);
  RETURN_IF_ERROR(base::CopyAll(content, digesting).status(), "engine's archive");
  RETURN_IF_ERROR(digesting.Close());
  parts_.names->Learn(folder, digesting.digest());
  if (!Wanted(digesting.digest())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<base::FileSource> source, base::FileSource::Open(path));
  return TakeLayer(digesting.digest(), *source);
}

absl::StatusOr<bool> Import::TakeCached(const oci::Digest& diff_id) {
  const std::optional<CachedLayer> known = cache_.Get(CacheKey(diff_id));
  if (!known.has_value() || known->diff_id != diff_id) return false;
  ASSIGN_OR_RETURN(const bool there,
                   request_.output->HasBlob(known->descriptor.digest, parts_.stop));
  if (there) Settle(diff_id, known->descriptor);
  return there;
}

absl::Status Import::TakeLayer(const oci::Digest& diff_id, base::ByteSource& content) {
  ASSIGN_OR_RETURN(const bool cached, TakeCached(diff_id));
  if (cached) return absl::OkStatus();
  oci::LayerWriterOptions options;
  options.compression = parts_.compression;
  options.threads = parts_.resources.threads;
  options.budget = parts_.resources.budget;
  options.stop = parts_.stop;
  const uint64_t before = done_bytes_;
  options.progress = [this, before](uint64_t done) {
    done_bytes_ = before + done;
    if (!request_.progress || done_bytes_ < told_bytes_ + kProgressStep) return;
    told_bytes_ = done_bytes_;
    request_.progress({.phase = "layers", .bytes_done = done_bytes_, .bytes_total = 0});
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<transfer::BlobUpload> blob,
                   request_.output->StartBlob(parts_.stop));
  ASSIGN_OR_RETURN(const oci::LayerResult layer,
                   oci::WriteTarLayer(content, blob.get(), std::move(options)),
                   "layer of the engine's image");
  if (layer.diff_id != diff_id) {
    return absl::DataLossError(absl::StrCat("the engine exported a layer ",
                                            layer.diff_id.ToString(), " in the place of ",
                                            diff_id.ToString()));
  }
  RETURN_IF_ERROR(blob->Commit(layer.descriptor.digest).status());
  cache_.Put(CacheKey(diff_id), {.diff_id = diff_id, .descriptor = layer.descriptor});
  new_bytes_ += layer.descriptor.size;
  Settle(diff_id, layer.descriptor);
  return absl::OkStatus();
}

absl::StatusOr<BuiltImage> Import::Compose() const {
  BuiltImage built;
  built.new_layer_bytes = new_bytes_;
  if (!config_.has_value()) {
    return absl::DataLossError(absl::StrCat(
        "the engine's archive has no config of image ", image_.id,
        "; engines with the containerd image store cannot be used: turn that store off"));
  }
  Json layers = Json::array();
  for (const LayerPlace& place : places_) {
    if (!place.descriptor.has_value()) {
      return absl::DataLossError(absl::StrCat("the engine's archive of ", image_.id,
                                              " has no layer ", place.diff_id.ToString()));
    }
    oci::Descriptor descriptor = *place.descriptor;
    ASSIGN_OR_RETURN(descriptor.media_type,
                     oci::ConvertMediaType(descriptor.media_type, oci::ImageFormat::kOci));
    layers.push_back(descriptor.ToJson());
    if (place.parent >= 0) {
      built.inherited.push_back({.descriptor = *place.descriptor, .parent = place.parent});
    }
  }
  const oci::Descriptor config{
      .media_type = oci::kOciConfig, .digest = config_->digest(), .size = config_->bytes().size()};
  ASSIGN_OR_RETURN(std::string manifest, oci::CanonicalJson({{"schemaVersion", 2},
                                                             {"mediaType", oci::kOciManifest},
                                                             {"config", config.ToJson()},
                                                             {"layers", std::move(layers)}}));
  ASSIGN_OR_RETURN(built.image.manifest, oci::Manifest::Parse(std::move(manifest)));
  built.image.config = *config_;
  return built;
}

}  // namespace

oci::Digest ArchiveNames::Find(const std::string& name) const {
  base::MutexLock lock(&mu_);
  const auto found = diff_ids_.find(name);
  return found == diff_ids_.end() ? oci::Digest() : found->second;
}

void ArchiveNames::Learn(const std::string& name, const oci::Digest& diff_id) {
  base::MutexLock lock(&mu_);
  if (diff_ids_.size() >= kMaxNames) diff_ids_.clear();
  diff_ids_[name] = diff_id;
}

absl::StatusOr<BuiltImage> ImportArchive(const DockerExport& parts,
                                         const transfer::EngineImage& image,
                                         base::ByteSource& archive) {
  if (image.diff_ids.empty()) {
    return absl::InvalidArgumentError(
        "the image has no layers, and engines do not export such images: add a file to it, or "
        "build it with driver native");
  }
  return Import(parts, image).Run(archive);
}

}  // namespace stevedore::worker
