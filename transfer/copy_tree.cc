#include "transfer/copy_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/convert.h"

namespace stevedore::transfer {
namespace {

bool IsKnownDocument(const std::string& media_type) {
  return oci::IsManifestType(media_type) || oci::IsIndexType(media_type);
}

}  // namespace

CopyTree::CopyTree(ImageSource* from, const CopyOptions* options, IsThere is_there,
                   std::stop_token stop)
    : from_(*from),
      options_(*options),
      is_there_(std::move(is_there)),
      stop_(std::move(stop)),
      filtering_(!options->platforms.empty() || !options->all_platforms) {}

absl::StatusOr<RawManifest> CopyTree::Fetch(const oci::Descriptor& wanted) const {
  ASSIGN_OR_RETURN(RawManifest raw, from_.GetManifest(wanted.digest.ToString(), stop_));
  if (raw.bytes.size() != wanted.size) {
    return absl::DataLossError(absl::StrCat("manifest ", wanted.digest.ToString(), " of ",
                                            from_.Describe(), " has ", raw.bytes.size(),
                                            " bytes, but what names it says ", wanted.size));
  }
  if (IsKnownDocument(wanted.media_type) && raw.media_type != wanted.media_type) {
    return absl::DataLossError(absl::StrCat(
        "manifest ", wanted.digest.ToString(), " of ", from_.Describe(), " is of type ",
        base::Quoted(raw.media_type), ", but what names it says ", wanted.media_type));
  }
  return raw;
}

absl::StatusOr<CopyNode> CopyTree::FindRoot(const std::string& tag_or_digest,
                                            oci::Digest* source_digest) {
  ASSIGN_OR_RETURN(RawManifest raw, from_.GetManifest(tag_or_digest, stop_));
  *source_digest = raw.digest;
  CopyNode root;
  root.source = {.media_type = raw.media_type, .digest = raw.digest, .size = raw.bytes.size()};
  if (filtering_ && !oci::IsIndexType(raw.media_type)) RETURN_IF_ERROR(CheckPlatform(raw));
  const bool single = !options_.all_platforms && options_.platforms.size() <= 1;
  if (filtering_ && single && oci::IsIndexType(raw.media_type)) {
    ASSIGN_OR_RETURN(const oci::Index index,
                     oci::Index::Parse(std::move(raw.bytes), raw.media_type), from_.Describe());
    ASSIGN_OR_RETURN(const oci::Descriptor chosen, SelectManifest(index, 0), from_.Describe());
    root.source = {.media_type = chosen.media_type, .digest = chosen.digest, .size = chosen.size};
    return root;
  }
  root.document = std::move(raw);
  return root;
}

std::vector<oci::Platform> CopyTree::WantedPlatforms() const {
  if (!options_.platforms.empty()) return options_.platforms;
  return {oci::Platform::Host()};
}

absl::StatusOr<oci::Descriptor> CopyTree::SelectManifest(const oci::Index& index, int depth) const {
  const oci::Platform wanted = WantedPlatforms()[0];
  for (const oci::Descriptor& child : index.manifests()) {
    const bool nested = oci::IsIndexType(child.media_type);
    if (!nested && child.platform.has_value() && child.platform->Satisfies(wanted)) return child;
    if (!nested || depth >= kMaxCopyDepth) continue;
    ASSIGN_OR_RETURN(RawManifest raw, Fetch(child));
    ASSIGN_OR_RETURN(const oci::Index below,
                     oci::Index::Parse(std::move(raw.bytes), raw.media_type));
    absl::StatusOr<oci::Descriptor> found = SelectManifest(below, depth + 1);
    if (!absl::IsNotFound(found.status())) return found;
  }
  // Lists what there is.
  return index.Select(wanted);
}

absl::Status CopyTree::CheckPlatform(const RawManifest& raw) const {
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes, raw.media_type),
                   from_.Describe());
  // Artifacts run nowhere.
  if (!oci::IsConfigType(manifest.config().media_type)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source,
                   from_.OpenBlob(manifest.config(), stop_));
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*source, oci::kMaxDocumentBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ImageConfig::Parse(std::move(bytes)),
                   from_.Describe());
  for (const oci::Platform& platform : WantedPlatforms()) {
    if (config.platform().Satisfies(platform)) return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat(from_.Describe(), " ", raw.digest.ToString(),
                                          " is an image for ", config.platform().ToString(),
                                          " only, not for ", WantedPlatforms()[0].ToString()));
}

absl::Status CopyTree::WalkBelow(CopyNode& node, bool skip_known, int depth) {
  if (stop_.stop_requested()) return absl::CancelledError("the copy was cancelled");
  const bool is_index = oci::IsIndexType(node.source.media_type);
  if (!is_index) return absl::OkStatus();
  if (depth > kMaxCopyDepth) {
    return absl::InvalidArgumentError(absl::StrCat("index ", node.source.digest.ToString(), " of ",
                                                   from_.Describe(), " lies below ", kMaxCopyDepth,
                                                   " others; no more are followed"));
  }
  if (depth > 0 && skip_known && !filtering_) {
    ASSIGN_OR_RETURN(node.finished, is_there_(node.source.digest));
    if (node.finished) {
      node.result = node.source;
      return absl::OkStatus();
    }
  }
  RawManifest raw;
  if (node.document.has_value()) {
    raw = *std::exchange(node.document, std::nullopt);
  } else {
    ASSIGN_OR_RETURN(raw, Fetch(node.source));
  }
  ASSIGN_OR_RETURN(node.index, oci::Index::Parse(std::move(raw.bytes), raw.media_type),
                   from_.Describe());
  return AddChildren(node, skip_known, depth);
}

absl::Status CopyTree::AddChildren(CopyNode& node, bool skip_known, int depth) {
  const oci::Index& index = *node.index;
  std::vector<bool> wanted(index.manifests().size(), true);
  if (filtering_) {
    absl::StatusOr<std::vector<bool>> selected = SelectChildren(index, WantedPlatforms());
    // Other parts of the whole may serve the platforms.
    if (absl::IsNotFound(selected.status()) && depth > 0) {
      selected = std::vector<bool>(index.manifests().size(), false);
    }
    RETURN_IF_ERROR(selected.status(), from_.Describe());
    wanted = *std::move(selected);
  }
  documents_ += index.manifests().size();
  if (documents_ > kMaxCopyDocuments) {
    return absl::InvalidArgumentError(
        absl::StrCat(from_.Describe(), " ", node.source.digest.ToString(), " names more than ",
                     kMaxCopyDocuments, " manifests; no more are followed"));
  }
  node.children.resize(index.manifests().size());
  bool any = index.manifests().empty();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    auto child = std::make_unique<CopyNode>();
    child->source = index.manifests()[i];
    if (!options_.index_only) RETURN_IF_ERROR(WalkBelow(*child, skip_known, depth + 1));
    const bool empty = child->index.has_value() && !child->index->manifests().empty() &&
                       std::all_of(child->children.begin(), child->children.end(),
                                   [](const auto& grandchild) { return grandchild == nullptr; });
    if (empty) continue;
    node.children[i] = std::move(child);
    any = true;
  }
  if (any || depth > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(from_.Describe(), " ", node.source.digest.ToString(),
                                          " has no manifest for platform ",
                                          WantedPlatforms()[0].ToString()));
}

absl::StatusOr<oci::Index> CopyTree::Rebuild(const CopyNode& node,
                                             std::optional<oci::ImageFormat> format) {
  std::vector<std::optional<oci::Descriptor>> children(node.children.size());
  for (size_t i = 0; i < children.size(); ++i) {
    const CopyNode* const child = node.children[i].get();
    if (child == nullptr) continue;
    if (child->finished) {
      children[i] = child->result;
    } else if (child->index.has_value()) {
      ASSIGN_OR_RETURN(const oci::Index below, Rebuild(*child, format));
      children[i] = below.ToDescriptor();
    } else {
      children[i] = child->source;
    }
  }
  return ConvertIndex(*node.index, format, children);
}

void CopyTree::Collect(CopyNode& node, std::vector<CopyNode*>* leaves,
                       std::vector<CopyNode*>* indexes) {
  if (node.finished) return;
  if (!node.index.has_value()) {
    leaves->push_back(&node);
    return;
  }
  for (const auto& child : node.children) {
    if (child != nullptr) Collect(*child, leaves, indexes);
  }
  indexes->push_back(&node);
}

}  // namespace stevedore::transfer
