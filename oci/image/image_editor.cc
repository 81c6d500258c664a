#include "oci/image/image_editor.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/image_parts.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

void WritePlatform(const Platform& platform, Json& config) {
  config["os"] = platform.os;
  config["architecture"] = platform.architecture;
  for (const char* member : {"variant", "os.version", "os.features"}) config.erase(member);
  if (!platform.variant.empty()) config["variant"] = platform.variant;
  if (!platform.os_version.empty()) config["os.version"] = platform.os_version;
  if (!platform.os_features.empty()) config["os.features"] = platform.os_features;
}

}  // namespace

struct ImageEditor::State {
  ImageParts parts;
  std::optional<TakenApart> base;
  std::optional<int64_t> epoch;
  bool keep_created = false;
};

ImageEditor::ImageEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageEditor::ImageEditor(ImageEditor&&) noexcept = default;
ImageEditor& ImageEditor::operator=(ImageEditor&&) noexcept = default;
ImageEditor::~ImageEditor() = default;

ImageEditor::ImageEditor(const Platform& platform, ImageFormat format)
    : state_(std::make_unique<State>()) {
  state_->parts.format = format;
  state_->parts.config = Json::object();
  state_->parts.config["config"] = Json::object();
  SetPlatform(platform);
}

absl::StatusOr<ImageEditor> ImageEditor::Create(const Image& base,
                                                std::optional<ImageFormat> format) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->base, TakeApart(base, format));
  state->parts = state->base->parts;
  return ImageEditor(std::move(state));
}

absl::Status ImageEditor::AppendLayer(const AppendedLayer& layer) {
  ImageParts& parts = state_->parts;
  Descriptor descriptor = layer.descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, ConvertMediaType(descriptor.media_type, parts.format));
  parts.layers.push_back(descriptor.ToJson());
  parts.diff_ids.push_back(layer.diff_id);
  Json entry = {{"created_by", layer.created_by}};
  if (state_->epoch.has_value()) entry["created"] = Rfc3339(*state_->epoch);
  parts.history.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status ImageEditor::AppendLayersOf(const Image& other) {
  ImageParts& parts = state_->parts;
  ASSIGN_OR_RETURN(const TakenApart taken, TakeApart(other, parts.format));
  const std::set<Digest> have(parts.diff_ids.begin(), parts.diff_ids.end());
  size_t i = 0;
  for (const Json& entry : taken.parts.history) {
    // Steps without a layer set config members, and those are not taken.
    if (!MakesLayer(entry) || i >= taken.parts.layers.size()) continue;
    if (have.count(taken.parts.diff_ids[i]) == 0) {
      parts.diff_ids.push_back(taken.parts.diff_ids[i]);
      parts.layers.push_back(taken.parts.layers[i]);
      parts.history.push_back(entry);
    }
    ++i;
  }
  return absl::OkStatus();
}

absl::Status ImageEditor::ReplaceLayer(size_t position, const AppendedLayer& layer) {
  ImageParts& parts = state_->parts;
  if (position >= parts.layers.size()) {
    return absl::OutOfRangeError(
        absl::StrCat("no layer ", position + 1, ": the image has ", parts.layers.size()));
  }
  Descriptor descriptor = layer.descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, ConvertMediaType(descriptor.media_type, parts.format));
  parts.layers[position] = descriptor.ToJson();
  parts.diff_ids[position] = layer.diff_id;
  return absl::OkStatus();
}

void ImageEditor::RemoveAllLayers() {
  state_->parts.layers.clear();
  state_->parts.diff_ids.clear();
  state_->parts.history = Json::array();
}

void ImageEditor::ChangeConfig(const ConfigChanges& changes) {
  ApplyChanges(changes, state_->parts.config["config"]);
}

void ImageEditor::SetRunConfig(const nlohmann::json& config) {
  state_->parts.config["config"] = config;
}

void ImageEditor::EditRunConfig(absl::FunctionRef<void(nlohmann::json& config)> edit) {
  edit(state_->parts.config["config"]);
}

void ImageEditor::AppendEmptyStep(const std::string& created_by) {
  Json entry = {{"created_by", created_by}, {"empty_layer", true}};
  if (state_->epoch.has_value()) entry["created"] = Rfc3339(*state_->epoch);
  state_->parts.history.push_back(std::move(entry));
}

void ImageEditor::SetAuthor(const std::string& author) { state_->parts.config["author"] = author; }

void ImageEditor::Annotate(const std::map<std::string, std::string>& annotations) {
  for (const auto& [key, value] : annotations) state_->parts.annotations[key] = value;
}

void ImageEditor::RemoveAnnotation(const std::string& name) {
  state_->parts.annotations.erase(name);
}

void ImageEditor::ClearAnnotations() {
  state_->parts.annotations.clear();
  SetSubject(std::nullopt);
  SetArtifactType("");
}

void ImageEditor::SetSubject(const std::optional<Descriptor>& subject) {
  state_->parts.others.erase("subject");
  if (subject.has_value()) state_->parts.others["subject"] = subject->ToJson();
}

void ImageEditor::SetArtifactType(const std::string& artifact_type) {
  state_->parts.others.erase("artifactType");
  if (!artifact_type.empty()) state_->parts.others["artifactType"] = artifact_type;
}

void ImageEditor::SetPlatform(const Platform& platform) {
  WritePlatform(platform, state_->parts.config);
}

void ImageEditor::SetSourceDateEpoch(int64_t seconds) { state_->epoch = seconds; }

void ImageEditor::KeepCreated() { state_->keep_created = true; }

void ImageEditor::SetAllTimes(int64_t seconds) {
  SetSourceDateEpoch(seconds);
  for (Json& entry : state_->parts.history) entry["created"] = Rfc3339(seconds);
}

const std::vector<Digest>& ImageEditor::diff_ids() const { return state_->parts.diff_ids; }

ImageFormat ImageEditor::format() const { return state_->parts.format; }

absl::StatusOr<Image> ImageEditor::Finish() const {
  ImageParts parts = state_->parts;
  if (state_->epoch.has_value()) {
    parts.config["created"] = Rfc3339(*state_->epoch);
  } else if (!state_->keep_created) {
    parts.config.erase("created");
  }
  return PutTogether(parts, state_->base.has_value() ? &*state_->base : nullptr);
}

}  // namespace stevedore::oci
