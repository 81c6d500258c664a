#include "oci/image/image_editor.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

// What history says of layers whose making nobody recorded.
constexpr char kUnknownStep[] = "stevedore";

ImageFormat FormatOf(const Manifest& manifest) {
  return manifest.media_type() == kDockerManifest ? ImageFormat::kDocker : ImageFormat::kOci;
}

// The layer descriptors of a manifest as JSON (members we do not know included), with types of
// `format`.
absl::StatusOr<std::vector<Json>> LayersOf(const Image& image, ImageFormat format) {
  ASSIGN_OR_RETURN(Json json, ParseJson(image.manifest.bytes()), "manifest");
  std::vector<Json> layers;
  for (Json& layer : json["layers"]) {
    ASSIGN_OR_RETURN(const std::string type,
                     ConvertMediaType(layer["mediaType"].get<std::string>(), format));
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

Json SyntheticHistory() { return {{"created_by", kUnknownStep}}; }

bool MakesLayer(const Json& entry) {
  const auto it = entry.find("empty_layer");
  return it == entry.end() || !it->is_boolean() || !it->get<bool>();
}

// The history of a parsed config with one entry for each layer at least. Real entries are never
// rewritten; what is missing is added at the end.
Json PaddedHistory(const Json& config, size_t layer_count) {
  Json history = Json::array();
  const auto it = config.find("history");
  if (it != config.end() && it->is_array()) history = *it;
  size_t told = std::count_if(history.begin(), history.end(), MakesLayer);
  for (; told < layer_count; ++told) history.push_back(SyntheticHistory());
  return history;
}

std::string Rfc3339(int64_t seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

// `config`'s object member, made if it is absent or null.
Json& ObjectMember(Json& config, const char* member) {
  Json& value = config[member];
  if (!value.is_object()) value = Json::object();
  return value;
}

void SetEnv(Json& run, const std::vector<std::pair<std::string, std::string>>& changes) {
  if (changes.empty()) return;
  Json& env = run["Env"];
  if (!env.is_array()) env = Json::array();
  for (const auto& [key, value] : changes) {
    const std::string prefix = absl::StrCat(key, "=");
    const std::string item = absl::StrCat(prefix, value);
    const auto is_key = [&prefix = prefix](const Json& old) {
      return old.get_ref<const std::string&>().compare(0, prefix.size(), prefix) == 0;
    };
    const auto it = std::find_if(env.begin(), env.end(), is_key);
    if (it == env.end()) {
      env.push_back(item);
    } else {
      *it = item;
    }
  }
}

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
  ImageFormat format = ImageFormat::kOci;
  Json config;  // Without rootfs and history, which grow below.
  Json history = Json::array();
  std::vector<Digest> diff_ids;
  std::vector<Json> layers;  // Descriptors, parallel to `diff_ids`.
  std::map<std::string, std::string> annotations;
  std::optional<int64_t> epoch;
};

ImageEditor::ImageEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageEditor::ImageEditor(ImageEditor&&) noexcept = default;
ImageEditor& ImageEditor::operator=(ImageEditor&&) noexcept = default;
ImageEditor::~ImageEditor() = default;

ImageEditor::ImageEditor(const Platform& platform, ImageFormat format)
    : state_(std::make_unique<State>()) {
  state_->format = format;
  state_->config = Json::object();
  state_->config["config"] = Json::object();
  SetPlatform(platform);
}

absl::StatusOr<ImageEditor> ImageEditor::Create(const Image& base,
                                                std::optional<ImageFormat> format) {
  auto state = std::make_unique<State>();
  state->format = format.value_or(FormatOf(base.manifest));
  ASSIGN_OR_RETURN(state->layers, LayersOf(base, state->format));
  ASSIGN_OR_RETURN(state->config, ParseJson(base.config.bytes()), "image config");
  state->diff_ids = base.config.diff_ids();
  state->history = PaddedHistory(state->config, state->diff_ids.size());
  state->annotations = base.manifest.annotations();
  ObjectMember(state->config, "config");
  return ImageEditor(std::move(state));
}

absl::Status ImageEditor::AppendLayer(const AppendedLayer& layer) {
  Descriptor descriptor = layer.descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, ConvertMediaType(descriptor.media_type, state_->format));
  state_->layers.push_back(descriptor.ToJson());
  state_->diff_ids.push_back(layer.diff_id);
  Json entry = {{"created_by", layer.created_by}};
  if (state_->epoch.has_value()) entry["created"] = Rfc3339(*state_->epoch);
  state_->history.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::Status ImageEditor::AppendLayersOf(const Image& other) {
  ASSIGN_OR_RETURN(std::vector<Json> layers, LayersOf(other, state_->format));
  ASSIGN_OR_RETURN(const Json config, ParseJson(other.config.bytes()), "image config");
  const std::vector<Digest>& diff_ids = other.config.diff_ids();
  const Json history = PaddedHistory(config, diff_ids.size());
  const std::set<Digest> have(state_->diff_ids.begin(), state_->diff_ids.end());
  size_t i = 0;
  for (const Json& entry : history) {
    // Steps without a layer set config members, and those are not taken.
    if (!MakesLayer(entry) || i >= layers.size()) continue;
    if (have.count(diff_ids[i]) == 0) {
      state_->diff_ids.push_back(diff_ids[i]);
      state_->layers.push_back(std::move(layers[i]));
      state_->history.push_back(entry);
    }
    ++i;
  }
  return absl::OkStatus();
}

void ImageEditor::ChangeConfig(const ConfigChanges& changes) {
  Json& run = state_->config["config"];
  if (changes.entrypoint.has_value()) {
    run["Entrypoint"] = *changes.entrypoint;
    run.erase("Cmd");
  }
  if (changes.cmd.has_value()) run["Cmd"] = *changes.cmd;
  SetEnv(run, changes.env);
  if (changes.user.has_value()) run["User"] = *changes.user;
  if (changes.working_dir.has_value()) run["WorkingDir"] = *changes.working_dir;
  if (changes.stop_signal.has_value()) run["StopSignal"] = *changes.stop_signal;
  for (const auto& [key, value] : changes.labels) ObjectMember(run, "Labels")[key] = value;
  for (const std::string& port : changes.exposed_ports) {
    ObjectMember(run, "ExposedPorts")[port] = Json::object();
  }
  for (const std::string& volume : changes.volumes) {
    ObjectMember(run, "Volumes")[volume] = Json::object();
  }
}

void ImageEditor::SetRunConfig(const nlohmann::json& config) { state_->config["config"] = config; }

void ImageEditor::AppendEmptyStep(const std::string& created_by) {
  Json entry = {{"created_by", created_by}, {"empty_layer", true}};
  if (state_->epoch.has_value()) entry["created"] = Rfc3339(*state_->epoch);
  state_->history.push_back(std::move(entry));
}

void ImageEditor::SetAuthor(const std::string& author) { state_->config["author"] = author; }

void ImageEditor::Annotate(const std::map<std::string, std::string>& annotations) {
  for (const auto& [key, value] : annotations) state_->annotations[key] = value;
}

void ImageEditor::ClearAnnotations() { state_->annotations.clear(); }

void ImageEditor::SetPlatform(const Platform& platform) { WritePlatform(platform, state_->config); }

void ImageEditor::SetSourceDateEpoch(int64_t seconds) { state_->epoch = seconds; }

const std::vector<Digest>& ImageEditor::diff_ids() const { return state_->diff_ids; }

absl::StatusOr<Image> ImageEditor::Finish() const {
  const bool docker = state_->format == ImageFormat::kDocker;
  Json config = state_->config;
  config.erase("created");
  if (state_->epoch.has_value()) config["created"] = Rfc3339(*state_->epoch);
  Json diff_ids = Json::array();
  for (const Digest& diff_id : state_->diff_ids) diff_ids.push_back(diff_id.ToString());
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  config.erase("history");
  if (!state_->history.empty()) config["history"] = state_->history;

  Image image;
  ASSIGN_OR_RETURN(std::string config_bytes, CanonicalJson(config), "image config");
  ASSIGN_OR_RETURN(image.config, ImageConfig::Parse(std::move(config_bytes)));

  const Descriptor config_descriptor{.media_type = docker ? kDockerConfig : kOciConfig,
                                     .digest = image.config.digest(),
                                     .size = image.config.bytes().size()};
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", docker ? kDockerManifest : kOciManifest},
                   {"config", config_descriptor.ToJson()},
                   {"layers", state_->layers}};
  if (!state_->annotations.empty()) manifest["annotations"] = state_->annotations;
  ASSIGN_OR_RETURN(std::string manifest_bytes, CanonicalJson(manifest), "manifest");
  ASSIGN_OR_RETURN(image.manifest, Manifest::Parse(std::move(manifest_bytes)));
  return image;
}

}  // namespace stevedore::oci
