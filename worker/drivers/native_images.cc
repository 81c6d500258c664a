#include "worker/drivers/native_images.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "transfer/image_source.h"
#include "worker/drivers/native_base_layer.h"

namespace stevedore::worker::native {

std::optional<int> ImageFinder::ParentNamed(const oci::Reference& reference) const {
  for (size_t i = 0; i < request_->parents.size(); ++i) {
    const ParentImage& parent = request_->parents[i];
    const absl::StatusOr<oci::Reference> known = oci::Reference::Parse(parent.reference);
    if (!known.ok() || known->Name() != reference.Name()) continue;
    const bool pinned = !reference.digest().empty();
    if (pinned ? reference.digest() == parent.image.manifest.digest()
               : reference.tag() == known->tag()) {
      return static_cast<int>(i);
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<FoundImage>> ImageFinder::Parent(int parent) {
  const ParentImage& known = request_->parents[parent];
  auto found = std::make_shared<FoundImage>();
  found->reference = known.reference;
  found->image = known.image;
  found->parent = parent;
  ASSIGN_OR_RETURN(found->place.reference, oci::Reference::Parse(known.reference));
  ASSIGN_OR_RETURN(found->place.repository, resources_->repositories->Open(found->place.reference));
  return found;
}

absl::StatusOr<std::shared_ptr<FoundImage>> ImageFinder::Read(RepositoryProvider* provider,
                                                              const oci::Reference& reference,
                                                              const oci::Platform& platform) {
  auto found = std::make_shared<FoundImage>();
  found->place.reference = reference;
  ASSIGN_OR_RETURN(found->place.repository, provider->Open(reference));
  transfer::ImageSource& source = *found->place.repository.source;
  const std::string name =
      reference.digest().empty() ? reference.tag() : reference.digest().ToString();
  ASSIGN_OR_RETURN(transfer::RawManifest raw, source.GetManifest(name, stop_));
  if (oci::IsIndexType(raw.media_type)) {
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(raw.bytes, raw.media_type));
    const absl::StatusOr<oci::Descriptor> entry = index.Select(platform);
    // Not there for this platform: nothing that another place or another time would change.
    if (!entry.ok()) return absl::InvalidArgumentError(entry.status().message());
    ASSIGN_OR_RETURN(raw, source.GetManifest(entry->digest.ToString(), stop_));
  }
  ASSIGN_OR_RETURN(found->image.manifest,
                   oci::Manifest::Parse(std::move(raw.bytes), raw.media_type));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> config,
                   source.OpenBlob(found->image.manifest.config(), stop_), "config");
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*config, oci::kMaxDocumentBytes), "config");
  ASSIGN_OR_RETURN(found->image.config, oci::ImageConfig::Parse(std::move(bytes)), "config");
  if (!found->image.config.platform().Satisfies(platform)) {
    return absl::InvalidArgumentError(absl::StrCat("it is an image for ",
                                                   found->image.config.platform().ToString(),
                                                   ", not ", platform.ToString()));
  }
  found->reference =
      absl::StrCat(reference.Familiar(), reference.digest().empty() ? "@" : "",
                   reference.digest().empty() ? found->image.manifest.digest().ToString() : "");
  return found;
}

absl::StatusOr<std::shared_ptr<FoundImage>> ImageFinder::FindElsewhere(
    const oci::Reference& reference, const oci::Platform& platform) {
  std::vector<RepositoryProvider*> providers;
  for (RepositoryProvider* provider : {resources_->repositories, resources_->registries}) {
    if (provider == nullptr) continue;
    if (!providers.empty() && provider == providers.front()) continue;
    providers.push_back(provider);
  }
  absl::Status failure = absl::FailedPreconditionError("no registry to look it up in");
  for (RepositoryProvider* provider : providers) {
    absl::StatusOr<std::shared_ptr<FoundImage>> found = Read(provider, reference, platform);
    if (found.ok()) return found;
    failure = found.status();
    if (!absl::IsNotFound(failure)) break;
  }
  if (!absl::IsNotFound(failure) || request_->parents.empty()) return failure;
  const auto name = [](std::string* out, const ParentImage& parent) {
    absl::StrAppend(out, parent.reference);
  };
  return absl::NotFoundError(absl::StrCat(failure.message(), "; it is none of the parents either: ",
                                          absl::StrJoin(request_->parents, ", ", name)));
}

absl::StatusOr<std::shared_ptr<const FoundImage>> ImageFinder::Find(absl::string_view name,
                                                                    const oci::Platform& platform) {
  const std::string key = absl::StrCat(name, " ", platform.ToString());
  const auto known = images_.find(key);
  if (known != images_.end()) return known->second;
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name));
  std::shared_ptr<FoundImage> found;
  const std::optional<int> parent = ParentNamed(reference);
  if (parent.has_value() &&
      request_->parents[*parent].image.config.platform().Satisfies(platform)) {
    ASSIGN_OR_RETURN(found, Parent(*parent), "image ", name);
  } else {
    ASSIGN_OR_RETURN(found, FindElsewhere(reference, platform), "image ", name);
    if (request_->log) request_->log(absl::StrCat("image ", name, " is ", found->reference));
  }
  images_[key] = found;
  return found;
}

absl::StatusOr<FileView> ImageFinder::Files(const std::shared_ptr<const FoundImage>& image) {
  FileView view;
  const std::vector<oci::Descriptor>& layers = image->image.manifest.layers();
  const std::vector<oci::Digest>& diff_ids = image->image.config.diff_ids();
  if (layers.size() != diff_ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("image ", image->reference, ": its manifest has ", layers.size(),
                     " layers, its config ", diff_ids.size(), " diff ids; it is damaged"));
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    std::shared_ptr<const LayerTree>& tree = layers_[diff_ids[i].ToString()];
    if (tree == nullptr) {
      const BaseLayer layer{layers[i], diff_ids[i], image->place.repository.source};
      ASSIGN_OR_RETURN(
          tree,
          ReadBaseLayer(layer, resources_->cache_directory, resources_->scratch_directory, stop_),
          "image ", image->reference, ": layer ", layers[i].digest.Short());
    }
    view.Add(tree);
  }
  return view;
}

}  // namespace stevedore::worker::native
