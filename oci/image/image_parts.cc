#include "oci/image/image_parts.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/descriptor.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

// What history says of layers whose making nobody recorded.
constexpr char kUnknownStep[] = "stevedore";

// The layer descriptors of a manifest as JSON, with types of `format`.
absl::StatusOr<std::vector<Json>> ReadLayers(Json& manifest, const Image& image,
                                             ImageFormat format) {
  std::vector<Json> layers;
  for (Json& layer : manifest["layers"]) {
    ASSIGN_OR_RETURN(const std::string type,
                     ConvertMediaType(layer["mediaType"].get<std::string>(), format), "layer ",
                     layers.size());
    layer["mediaType"] = type;
    layers.push_back(std::move(layer));
  }
  const size_t diff_ids = image.config.diff_ids().size();
  if (layers.size() != diff_ids) {
    return absl::InvalidArgumentError(absl::StrCat(
        "image ", image.manifest.digest().ToString(), ": its manifest has ", layers.size(),
        " layers, its config ", diff_ids, " diff ids; it is damaged or not an image"));
  }
  return layers;
}

// The history of a parsed config with one entry for each layer at least. Real entries are never
// rewritten; what is missing is added at the end.
Json PaddedHistory(const Json& config, size_t layer_count) {
  Json history = Json::array();
  const auto it = config.find("history");
  if (it != config.end() && it->is_array()) history = *it;
  size_t told = std::count_if(history.begin(), history.end(), MakesLayer);
  for (; told < layer_count; ++told) history.push_back({{"created_by", kUnknownStep}});
  return history;
}

bool SameConfig(const ImageParts& a, const ImageParts& b) {
  return a.config == b.config && a.history == b.history && a.diff_ids == b.diff_ids;
}

bool SameManifest(const ImageParts& a, const ImageParts& b) {
  return a.layers == b.layers && a.annotations == b.annotations && a.others == b.others;
}

absl::StatusOr<ImageConfig> WriteConfig(const ImageParts& parts) {
  Json config = parts.config;
  Json diff_ids = Json::array();
  for (const Digest& diff_id : parts.diff_ids) diff_ids.push_back(diff_id.ToString());
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  if (!parts.history.empty()) config["history"] = parts.history;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(config), "image config");
  return ImageConfig::Parse(std::move(bytes));
}

absl::StatusOr<Manifest> WriteManifest(const ImageParts& parts, const ImageConfig& config) {
  const bool docker = parts.format == ImageFormat::kDocker;
  const Descriptor config_descriptor{.media_type = docker ? kDockerConfig : kOciConfig,
                                     .digest = config.digest(),
                                     .size = config.bytes().size()};
  Json manifest = parts.others;
  manifest["schemaVersion"] = 2;
  manifest["mediaType"] = docker ? kDockerManifest : kOciManifest;
  manifest["config"] = config_descriptor.ToJson();
  manifest["layers"] = parts.layers;
  if (!parts.annotations.empty()) manifest["annotations"] = parts.annotations;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(manifest), "manifest");
  return Manifest::Parse(std::move(bytes));
}

}  // namespace

absl::StatusOr<TakenApart> TakeApart(const Image& image, std::optional<ImageFormat> format) {
  TakenApart taken;
  taken.image = image;
  ImageParts& parts = taken.parts;
  parts.format = format.value_or(FormatOf(image.manifest));
  ASSIGN_OR_RETURN(Json manifest, ParseJson(image.manifest.bytes()), "manifest");
  ASSIGN_OR_RETURN(parts.layers, ReadLayers(manifest, image, parts.format));
  for (const char* member : {"schemaVersion", "mediaType", "config", "layers", "annotations"}) {
    manifest.erase(member);
  }
  parts.others = std::move(manifest);
  parts.annotations = image.manifest.annotations();
  parts.diff_ids = image.config.diff_ids();
  ASSIGN_OR_RETURN(parts.config, ParseJson(image.config.bytes()), "image config");
  parts.history = PaddedHistory(parts.config, parts.diff_ids.size());
  parts.config.erase("history");
  parts.config.erase("rootfs");
  Json& run = parts.config["config"];
  if (!run.is_object()) run = Json::object();
  return taken;
}

absl::StatusOr<Image> PutTogether(const ImageParts& parts, const TakenApart* original) {
  Image image;
  const bool same_config = original != nullptr && SameConfig(parts, original->parts);
  if (same_config) {
    image.config = original->image.config;
  } else {
    ASSIGN_OR_RETURN(image.config, WriteConfig(parts));
  }
  const bool same_format =
      original != nullptr && parts.format == FormatOf(original->image.manifest);
  if (same_config && same_format && SameManifest(parts, original->parts)) {
    image.manifest = original->image.manifest;
  } else {
    ASSIGN_OR_RETURN(image.manifest, WriteManifest(parts, image.config));
  }
  return image;
}

ImageFormat FormatOf(const Manifest& manifest) {
  return manifest.media_type() == kDockerManifest ? ImageFormat::kDocker : ImageFormat::kOci;
}

bool MakesLayer(const Json& entry) {
  const auto it = entry.find("empty_layer");
  return it == entry.end() || !it->is_boolean() || !it->get<bool>();
}

std::string Rfc3339(int64_t seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

}  // namespace stevedore::oci
