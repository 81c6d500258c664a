#include "worker/drivers/buildkit_result.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/image_sink.h"

namespace stevedore::worker {
namespace {

// The descriptor of the image for `platform` among those that `layout` lists, at most one index
// deep: newer daemons add attestations and wrap both.
absl::StatusOr<oci::Descriptor> FindImage(const oci::Layout& layout,
                                          const oci::Platform& platform) {
  ASSIGN_OR_RETURN(const oci::Index top, layout.ReadIndex());
  std::vector<oci::Descriptor> candidates = top.manifests();
  for (size_t i = 0; i < candidates.size(); ++i) {
    const oci::Descriptor candidate = candidates[i];
    if (!oci::IsIndexType(candidate.media_type)) {
      const bool attestation =
          candidate.platform.has_value() && candidate.platform->os == "unknown";
      if (attestation) continue;
      if (candidate.platform.has_value() && !candidate.platform->Satisfies(platform)) continue;
      return candidate;
    }
    ASSIGN_OR_RETURN(std::string bytes, layout.ReadBlob(candidate.digest));
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(bytes)));
    for (const oci::Descriptor& child : index.manifests()) {
      if (!oci::IsIndexType(child.media_type)) candidates.push_back(child);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("BuildKit's result has no image for ", platform.ToString()));
}

}  // namespace

absl::StatusOr<BuiltImage> TakeLayoutImage(const BuildRequest& request, const oci::Layout& layout,
                                           std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Descriptor found, FindImage(layout, request.platform));
  BuiltImage built;
  ASSIGN_OR_RETURN(std::string manifest, layout.ReadBlob(found.digest));
  ASSIGN_OR_RETURN(built.image.manifest, oci::Manifest::Parse(std::move(manifest)),
                   "BuildKit's result");
  ASSIGN_OR_RETURN(std::string config, layout.ReadBlob(built.image.manifest.config().digest));
  ASSIGN_OR_RETURN(built.image.config, oci::ImageConfig::Parse(std::move(config)),
                   "BuildKit's result");
  const std::vector<oci::Digest>& diff_ids = built.image.config.diff_ids();
  const std::vector<oci::Descriptor>& layers = built.image.manifest.layers();
  if (diff_ids.size() != layers.size()) {
    return absl::DataLossError(absl::StrCat("BuildKit's result has ", layers.size(), " layers and ",
                                            diff_ids.size(), " diff ids"));
  }
  nlohmann::json kept = nlohmann::json::array();
  bool replaced = false;
  for (size_t i = 0; i < layers.size(); ++i) {
    oci::Descriptor layer = layers[i];
    int parent = -1;
    for (size_t p = 0; p < request.parents.size() && parent < 0; ++p) {
      const oci::Image& image = request.parents[p].image;
      const std::vector<oci::Digest>& known = image.config.diff_ids();
      const auto same = std::find(known.begin(), known.end(), diff_ids[i]);
      const size_t index = same - known.begin();
      if (same == known.end() || index >= image.manifest.layers().size()) continue;
      parent = static_cast<int>(p);
      layer = image.manifest.layers()[index];
    }
    if (parent >= 0) {
      replaced = replaced || layer.digest != layers[i].digest;
      built.inherited.push_back({.descriptor = layer, .parent = parent});
      ASSIGN_OR_RETURN(layer.media_type,
                       oci::ConvertMediaType(layer.media_type, oci::ImageFormat::kOci));
    } else {
      ASSIGN_OR_RETURN(const bool there, request.output->HasBlob(layer.digest, stop));
      if (!there) {
        RETURN_IF_ERROR(request.output->PutBlob(
            layer, [&layout, digest = layer.digest] { return layout.OpenBlob(digest); }, stop));
      }
      built.new_layer_bytes += layer.size;
    }
    kept.push_back(layer.ToJson());
  }
  if (!replaced) return built;
  // The parent's own blobs stand in the place of equal layers that were compressed again.
  const oci::Descriptor config_descriptor{.media_type = oci::kOciConfig,
                                          .digest = built.image.config.digest(),
                                          .size = built.image.config.bytes().size()};
  ASSIGN_OR_RETURN(std::string bytes, oci::CanonicalJson({{"schemaVersion", 2},
                                                          {"mediaType", oci::kOciManifest},
                                                          {"config", config_descriptor.ToJson()},
                                                          {"layers", std::move(kept)}}));
  ASSIGN_OR_RETURN(built.image.manifest, oci::Manifest::Parse(std::move(bytes)));
  return built;
}

}  // namespace stevedore::worker
