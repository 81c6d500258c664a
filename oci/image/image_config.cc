#include "oci/image/image_config.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

absl::Status Wrong(absl::string_view member, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("image config: ", member, " ", what));
}

// Null and absent are the same for every member of a config, as in Go.
const Json* Find(const Json& json, const char* member) {
  const auto it = json.find(member);
  return it == json.end() || it->is_null() ? nullptr : &*it;
}

absl::Status ReadText(const Json& json, const char* member, std::string* out) {
  const Json* value = Find(json, member);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_string()) return Wrong(member, "is not a text");
  *out = value->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadList(const Json& json, const char* member, std::vector<std::string>* out) {
  const Json* value = Find(json, member);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_array()) return Wrong(member, "is not a list");
  for (const Json& item : *value) {
    if (!item.is_string()) return Wrong(member, "has an item that is not a text");
    out->push_back(item.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadOptionalList(const Json& json, const char* member,
                              std::optional<std::vector<std::string>>* out) {
  if (Find(json, member) == nullptr) return absl::OkStatus();
  std::vector<std::string> list;
  RETURN_IF_ERROR(ReadList(json, member, &list));
  *out = std::move(list);
  return absl::OkStatus();
}

// A Go map[string]struct{}: an object whose keys are the set.
absl::Status ReadSet(const Json& json, const char* member, std::set<std::string>* out) {
  const Json* value = Find(json, member);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return Wrong(member, "is not an object");
  for (const auto& [key, unused] : value->items()) out->insert(key);
  return absl::OkStatus();
}

absl::Status ReadMap(const Json& json, const char* member,
                     std::map<std::string, std::string>* out) {
  const Json* value = Find(json, member);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return Wrong(member, "is not an object");
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) return Wrong(member, "has a value that is not a text");
    (*out)[key] = text.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ReadHistory(const Json& json, std::vector<HistoryEntry>* out) {
  const Json* value = Find(json, "history");
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_array()) return Wrong("history", "is not a list");
  for (const Json& item : *value) {
    if (!item.is_object()) return Wrong("history", "has an item that is not an object");
    HistoryEntry entry;
    RETURN_IF_ERROR(ReadText(item, "created", &entry.created), "history");
    RETURN_IF_ERROR(ReadText(item, "created_by", &entry.created_by), "history");
    RETURN_IF_ERROR(ReadText(item, "author", &entry.author), "history");
    RETURN_IF_ERROR(ReadText(item, "comment", &entry.comment), "history");
    if (const Json* empty = Find(item, "empty_layer")) {
      if (!empty->is_boolean()) return Wrong("history.empty_layer", "is not true or false");
      entry.empty_layer = empty->get<bool>();
    }
    out->push_back(std::move(entry));
  }
  return absl::OkStatus();
}

absl::Status ReadRootFs(const Json& json, std::vector<Digest>* diff_ids) {
  const Json* rootfs = Find(json, "rootfs");
  if (rootfs == nullptr) return Wrong("rootfs", "is missing");
  if (!rootfs->is_object()) return Wrong("rootfs", "is not an object");
  std::string type = "layers";
  RETURN_IF_ERROR(ReadText(*rootfs, "type", &type));
  if (type != "layers") return Wrong("rootfs.type", "is not `layers`");
  std::vector<std::string> texts;
  RETURN_IF_ERROR(ReadList(*rootfs, "diff_ids", &texts));
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text), "image config: diff id ",
                     diff_ids->size());
    diff_ids->push_back(std::move(digest));
  }
  return absl::OkStatus();
}

absl::Status ReadPlatform(const Json& json, Platform* platform) {
  RETURN_IF_ERROR(ReadText(json, "os", &platform->os));
  RETURN_IF_ERROR(ReadText(json, "architecture", &platform->architecture));
  RETURN_IF_ERROR(ReadText(json, "variant", &platform->variant));
  RETURN_IF_ERROR(ReadText(json, "os.version", &platform->os_version));
  RETURN_IF_ERROR(ReadList(json, "os.features", &platform->os_features));
  if (Find(json, "os") == nullptr) return Wrong("os", "is missing");
  if (Find(json, "architecture") == nullptr) return Wrong("architecture", "is missing");
  return absl::OkStatus();
}

}  // namespace

// Fills an ImageConfig; a class of its own so that the header needs no JSON.
class ImageConfigReader {
 public:
  static absl::Status Read(const Json& json, ImageConfig* out) {
    if (!json.is_object()) return absl::InvalidArgumentError("image config: not a JSON object");
    RETURN_IF_ERROR(ReadPlatform(json, &out->platform_));
    RETURN_IF_ERROR(ReadText(json, "created", &out->created_));
    RETURN_IF_ERROR(ReadText(json, "author", &out->author_));
    RETURN_IF_ERROR(ReadRootFs(json, &out->diff_ids_));
    RETURN_IF_ERROR(ReadHistory(json, &out->history_));
    const Json* config = Find(json, "config");
    if (config == nullptr) return absl::OkStatus();
    if (!config->is_object()) return Wrong("config", "is not an object");
    return ReadRunConfig(*config, out);
  }

 private:
  static absl::Status ReadRunConfig(const Json& config, ImageConfig* out) {
    RETURN_IF_ERROR(ReadOptionalList(config, "Entrypoint", &out->entrypoint_));
    RETURN_IF_ERROR(ReadOptionalList(config, "Cmd", &out->cmd_));
    RETURN_IF_ERROR(ReadList(config, "Env", &out->env_));
    for (const std::string& item : out->env_) {
      if (item.find('=') == std::string::npos || item[0] == '=') {
        return Wrong("Env", absl::StrCat("has ", base::Quoted(item), ", which is not KEY=value"));
      }
    }
    RETURN_IF_ERROR(ReadText(config, "User", &out->user_));
    RETURN_IF_ERROR(ReadText(config, "WorkingDir", &out->working_dir_));
    RETURN_IF_ERROR(ReadText(config, "StopSignal", &out->stop_signal_));
    RETURN_IF_ERROR(ReadMap(config, "Labels", &out->labels_));
    RETURN_IF_ERROR(ReadSet(config, "ExposedPorts", &out->exposed_ports_));
    return ReadSet(config, "Volumes", &out->volumes_);
  }
};

absl::StatusOr<ImageConfig> ImageConfig::Parse(std::string bytes) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(bytes), "image config");
  ImageConfig config;
  RETURN_IF_ERROR(ImageConfigReader::Read(json, &config));
  config.digest_ = Digest::Of(bytes);
  config.bytes_ = std::move(bytes);
  return config;
}

}  // namespace stevedore::oci
