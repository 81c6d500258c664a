#include "graph/assemble_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

// An image with more layers is no longer practical; runtimes stop at 127.
constexpr size_t kMaxLayers = 127;
constexpr double kMaxSleepSeconds = 86'400;

constexpr Key kLayer[] = {
    {.name = "from", .description = "file or folder of the context; `.`: all of it"},
    {.name = "to", .description = "absolute path in the image", .default_value = "/"},
    {.name = "mode",
     .description = "permissions of files, octal in quotes; default: \"0755\" with an x bit, else "
                    "\"0644\""},
    {.name = "dir_mode",
     .description = "permissions of folders, octal in quotes",
     .default_value = "0755"},
    {.name = "owner", .description = "numbers UID:GID", .default_value = "0:0"},
    {.name = "tar", .description = "tar file of the context (also .gz, .zst)"},
    {.name = "verbatim",
     .type = KeyType::kBool,
     .description = "the tar's bytes are the layer, as they are",
     .default_value = "false"},
    {.name = "image",
     .type = KeyType::kLink,
     .description = "image whose layers are added, {name: version}"},
};
constexpr KeyTable kLayerTable{"a layer", kLayer, "from|tar|image"};

constexpr Key kConfig[] = {
    {.name = "entrypoint", .type = KeyType::kTextList, .description = "program and arguments"},
    {.name = "cmd", .type = KeyType::kTextList, .description = "default arguments"},
    {.name = "env", .type = KeyType::kTextMap, .description = "environment variables"},
    {.name = "user", .description = "user[:group] of the program"},
    {.name = "working_dir", .description = "absolute path"},
    {.name = "labels", .type = KeyType::kTextMap, .description = "labels"},
    {.name = "exposed_ports", .type = KeyType::kTextList, .description = "ports such as 8080/tcp"},
    {.name = "volumes", .type = KeyType::kTextList, .description = "absolute paths"},
    {.name = "stop_signal", .description = "such as SIGTERM"},
};
constexpr KeyTable kConfigTable{"config", kConfig, ""};

constexpr Key kAssemble[] = {
    {.name = "layers",
     .type = KeyType::kMapList,
     .description = "what is added to the parent's layers, in this order",
     .members = &kLayerTable},
    {.name = "config",
     .type = KeyType::kMap,
     .description = "changes to the parent's config",
     .members = &kConfigTable},
    {.name = "compression",
     .description = "gzip, gzip:fast, gzip:balanced, gzip:small, zstd, zstd:1 to zstd:19 or none",
     .default_value = "gzip"},
};
constexpr KeyTable kAssembleTable{"options of driver assemble", kAssemble, ""};

constexpr Key kSleep[] = {
    {.name = "duration",
     .description = "seconds, or a text such as 1.5s; at most a day",
     .default_value = "0"},
};
constexpr KeyTable kSleepTable{"options of driver sleep", kSleep, ""};

std::string Shown(const Json& json) {
  if (json.is_string()) return base::Quoted(json.get_ref<const std::string&>());
  return base::Quoted(json.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

absl::Status Wrong(absl::string_view path, absl::string_view expected, const Json& found) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": must be ", expected, ", found ", Shown(found)));
}

absl::Status CheckMembers(absl::string_view path, const Json& object,
                          absl::Span<const absl::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (absl::StartsWith(name, "x-")) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, path.empty() ? "" : ".", name, ": there is no such option",
                     DidYouMean(name, known), "; known are ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::Status CheckMembers(absl::string_view path, const Json& object, const KeyTable& table) {
  return CheckMembers(path, object, table.Names());
}

// Scalars as text: YAML users write `8080` where we mean "8080".
absl::StatusOr<std::string> TextOf(absl::string_view path, const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number() || json.is_boolean()) return json.dump();
  return Wrong(path, "a text", json);
}

absl::StatusOr<std::vector<std::string>> TextsOf(absl::string_view path, const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) return Wrong(path, "a list of texts", json);
  for (size_t i = 0; i < json.size(); ++i) {
    ASSIGN_OR_RETURN(std::string text, TextOf(absl::StrCat(path, "[", i, "]"), json[i]));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<std::map<std::string, std::string>> TextMapOf(absl::string_view path,
                                                             const Json& json) {
  std::map<std::string, std::string> texts;
  if (!json.is_object()) return Wrong(path, "a map of names to texts", json);
  for (const auto& [name, value] : json.items()) {
    if (name.empty()) return Wrong(path, "a map of names (not empty) to texts", json);
    ASSIGN_OR_RETURN(texts[name], TextOf(absl::StrCat(path, ".", name), value));
  }
  return texts;
}

// Octal permission bits: "0644", "644" or the number that YAML made of them.
absl::StatusOr<uint32_t> ModeOf(absl::string_view path, const Json& json) {
  const absl::Status wrong =
      Wrong(path, "octal permissions in quotes, such as \"0644\" (at most \"7777\")", json);
  if (!json.is_string()) return wrong;
  const std::string& text = json.get_ref<const std::string&>();
  if (text.empty() || text.size() > 5) return wrong;
  uint32_t mode = 0;
  for (char c : text) {
    if (c < '0' || c > '7') return wrong;
    mode = mode * 8 + (c - '0');
  }
  if (mode > 07777) return wrong;
  return mode;
}

absl::Status ParseOwner(absl::string_view path, const Json& json, AssembleLayer& layer) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(path, json));
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  const bool good = parts.size() <= 2 && absl::SimpleAtoi(parts[0], &layer.uid) &&
                    absl::SimpleAtoi(parts.back(), &layer.gid);
  if (!good) return Wrong(path, "numbers \"UID:GID\" or \"UID\" (names are not looked up)", json);
  return absl::OkStatus();
}

// A path inside the merged context: relative, no way out.
absl::StatusOr<std::string> ContextPathOf(absl::string_view path, const Json& json) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(path, json));
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(text, '/')) {
    if (part == "..") return Wrong(path, "a path inside the context, without `..`", json);
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<std::string> ImagePathOf(absl::string_view path, const Json& json) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(path, json));
  if (!absl::StartsWith(text, "/")) {
    return Wrong(path, "an absolute path in the image, such as \"/srv\"", json);
  }
  for (absl::string_view part : absl::StrSplit(text, '/')) {
    if (part == "..") return Wrong(path, "a path without `..`", json);
  }
  return text;
}

absl::Status ParseFiles(const std::string& path, const Json& json, AssembleLayer& layer) {
  constexpr absl::string_view kKeys[] = {"from", "to", "mode", "dir_mode", "owner"};
  RETURN_IF_ERROR(CheckMembers(path, json, absl::MakeConstSpan(kKeys)));
  layer.kind = AssembleLayer::Kind::kFiles;
  ASSIGN_OR_RETURN(layer.from, ContextPathOf(absl::StrCat(path, ".from"), json.at("from")));
  if (json.contains("mode")) {
    ASSIGN_OR_RETURN(layer.mode, ModeOf(absl::StrCat(path, ".mode"), json.at("mode")));
  }
  if (json.contains("dir_mode")) {
    ASSIGN_OR_RETURN(layer.dir_mode, ModeOf(absl::StrCat(path, ".dir_mode"), json.at("dir_mode")));
  }
  if (json.contains("owner")) {
    RETURN_IF_ERROR(ParseOwner(absl::StrCat(path, ".owner"), json.at("owner"), layer));
  }
  return absl::OkStatus();
}

absl::Status ParseTar(const std::string& path, const Json& json, AssembleLayer& layer) {
  constexpr absl::string_view kKeys[] = {"tar", "verbatim", "to"};
  RETURN_IF_ERROR(CheckMembers(path, json, absl::MakeConstSpan(kKeys)));
  layer.kind = AssembleLayer::Kind::kTar;
  ASSIGN_OR_RETURN(layer.tar, ContextPathOf(absl::StrCat(path, ".tar"), json.at("tar")));
  if (layer.tar.empty()) {
    return Wrong(absl::StrCat(path, ".tar"), "the path of a tar file in the context",
                 json.at("tar"));
  }
  if (json.contains("verbatim")) {
    const Json& verbatim = json.at("verbatim");
    if (!verbatim.is_boolean()) {
      return Wrong(absl::StrCat(path, ".verbatim"), "true or false", verbatim);
    }
    layer.verbatim = verbatim.get<bool>();
  }
  return absl::OkStatus();
}

absl::Status ParseImage(const std::string& path, const Json& json, AssembleLayer& layer) {
  constexpr absl::string_view kKeys[] = {"image"};
  RETURN_IF_ERROR(CheckMembers(path, json, absl::MakeConstSpan(kKeys)));
  layer.kind = AssembleLayer::Kind::kImage;
  const Json& image = json.at("image");
  const std::string member = absl::StrCat(path, ".image");
  if (image.is_object() && image.size() == 1) {
    ASSIGN_OR_RETURN(const std::string version, TextOf(member, image.begin().value()));
    layer.image = absl::StrCat(image.begin().key(), ":", version);
    return absl::OkStatus();
  }
  if (!image.is_string() || !absl::StrContains(image.get_ref<const std::string&>(), ':')) {
    return Wrong(member, "one image, {name: version}", image);
  }
  layer.image = image.get<std::string>();
  return absl::OkStatus();
}

absl::StatusOr<AssembleLayer> ParseLayer(const std::string& path, const Json& json) {
  AssembleLayer layer;
  if (!json.is_object()) {
    return Wrong(path, "a map with one of the members from, tar or image", json);
  }
  if (json.contains("tar")) {
    RETURN_IF_ERROR(ParseTar(path, json, layer));
  } else if (json.contains("image")) {
    RETURN_IF_ERROR(ParseImage(path, json, layer));
  } else if (json.contains("from")) {
    RETURN_IF_ERROR(ParseFiles(path, json, layer));
  } else {
    RETURN_IF_ERROR(CheckMembers(path, json, kLayerTable));
    return Wrong(path, "a map with one of the members from, tar or image", json);
  }
  if (json.contains("to")) {
    ASSIGN_OR_RETURN(layer.to, ImagePathOf(absl::StrCat(path, ".to"), json.at("to")));
  }
  if (layer.verbatim && layer.to != "/") {
    return Wrong(absl::StrCat(path, ".to"),
                 "left out together with `verbatim: true`: the tar's bytes stay as they are",
                 json.at("to"));
  }
  return layer;
}

absl::Status CheckPort(absl::string_view path, const std::string& text) {
  std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  uint32_t port = 0;
  const bool protocol = !absl::StrContains(text, '/') || parts.second == "tcp" ||
                        parts.second == "udp" || parts.second == "sctp";
  if (!absl::SimpleAtoi(parts.first, &port) || port == 0 || port > 65535 || !protocol) {
    return Wrong(path, "a port from 1 to 65535 with /tcp, /udp or /sctp, such as \"8080/tcp\"",
                 Json(text));
  }
  return absl::OkStatus();
}

// `entrypoint: sh` means `entrypoint: [sh]` nowhere: Docker's shell form needs a shell we cannot
// know.
absl::Status ParseConfigLists(const Json& json, AssembleConfig& config) {
  if (json.contains("entrypoint")) {
    ASSIGN_OR_RETURN(config.entrypoint, TextsOf("config.entrypoint", json.at("entrypoint")));
  }
  if (json.contains("cmd")) {
    ASSIGN_OR_RETURN(config.cmd, TextsOf("config.cmd", json.at("cmd")));
  }
  if (json.contains("exposed_ports")) {
    ASSIGN_OR_RETURN(config.exposed_ports,
                     TextsOf("config.exposed_ports", json.at("exposed_ports")));
    for (std::string& port : config.exposed_ports) {
      RETURN_IF_ERROR(CheckPort("config.exposed_ports", port));
      if (!absl::StrContains(port, '/')) port += "/tcp";
    }
  }
  if (json.contains("volumes")) {
    ASSIGN_OR_RETURN(config.volumes, TextsOf("config.volumes", json.at("volumes")));
    for (const std::string& volume : config.volumes) {
      RETURN_IF_ERROR(ImagePathOf("config.volumes", Json(volume)).status());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<AssembleConfig> ParseConfig(const Json& json) {
  AssembleConfig config;
  if (!json.is_object()) return Wrong("config", "a map", json);
  RETURN_IF_ERROR(CheckMembers("config", json, kConfigTable));
  RETURN_IF_ERROR(ParseConfigLists(json, config));
  if (json.contains("env")) {
    ASSIGN_OR_RETURN(config.env, TextMapOf("config.env", json.at("env")));
    for (const auto& [name, value] : config.env) {
      if (absl::StrContains(name, '=')) {
        return Wrong("config.env", "a map of names without `=` to texts", Json(name));
      }
    }
  }
  if (json.contains("labels")) {
    ASSIGN_OR_RETURN(config.labels, TextMapOf("config.labels", json.at("labels")));
  }
  if (json.contains("user")) {
    ASSIGN_OR_RETURN(config.user, TextOf("config.user", json.at("user")));
  }
  if (json.contains("working_dir")) {
    ASSIGN_OR_RETURN(config.working_dir, ImagePathOf("config.working_dir", json.at("working_dir")));
  }
  if (json.contains("stop_signal")) {
    ASSIGN_OR_RETURN(config.stop_signal, TextOf("config.stop_signal", json.at("stop_signal")));
  }
  return config;
}

absl::Status CheckCompression(const Json& json) {
  const absl::Status wrong =
      Wrong("compression",
            "gzip, gzip:fast, gzip:balanced, gzip:small, zstd, zstd:1 to zstd:19 or none", json);
  if (!json.is_string()) return wrong;
  absl::string_view text = json.get_ref<const std::string&>();
  for (absl::string_view known :
       {"gzip", "gzip:fast", "gzip:balanced", "gzip:small", "zstd", "none"}) {
    if (text == known) return absl::OkStatus();
  }
  int level = 0;
  if (absl::ConsumePrefix(&text, "zstd:") && absl::SimpleAtoi(text, &level) && level >= 1 &&
      level <= 19) {
    return absl::OkStatus();
  }
  return wrong;
}

absl::StatusOr<Json> ParseObject(absl::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("options: must be a map, found ", base::Quoted(text)));
  }
  return json;
}

}  // namespace

const KeyTable& AssembleOptionKeys() { return kAssembleTable; }
const KeyTable& SleepOptionKeys() { return kSleepTable; }

absl::StatusOr<AssembleOptions> AssembleOptions::Parse(absl::string_view options_json) {
  AssembleOptions options;
  ASSIGN_OR_RETURN(const Json json, ParseObject(options_json));
  RETURN_IF_ERROR(CheckMembers("", json, kAssembleTable));
  if (json.contains("layers")) {
    const Json& layers = json.at("layers");
    if (!layers.is_array()) return Wrong("layers", "a list", layers);
    if (layers.size() > kMaxLayers) {
      return absl::InvalidArgumentError(
          absl::StrCat("layers: ", layers.size(), " layers, container runtimes stop at ",
                       kMaxLayers, "; put several folders into one context folder"));
    }
    for (size_t i = 0; i < layers.size(); ++i) {
      ASSIGN_OR_RETURN(AssembleLayer layer, ParseLayer(absl::StrCat("layers[", i, "]"), layers[i]));
      options.layers.push_back(std::move(layer));
    }
  }
  if (json.contains("config")) {
    ASSIGN_OR_RETURN(options.config, ParseConfig(json.at("config")));
  }
  if (json.contains("compression")) {
    RETURN_IF_ERROR(CheckCompression(json.at("compression")));
    options.compression = json.at("compression").get<std::string>();
  }
  return options;
}

absl::StatusOr<SleepOptions> SleepOptions::Parse(absl::string_view options_json) {
  SleepOptions options;
  ASSIGN_OR_RETURN(const Json json, ParseObject(options_json));
  RETURN_IF_ERROR(CheckMembers("", json, kSleepTable));
  if (!json.contains("duration")) return options;
  const Json& duration = json.at("duration");
  if (duration.is_number()) {
    options.seconds = duration.get<double>();
  } else {
    absl::Duration parsed;
    if (!duration.is_string() ||
        !absl::ParseDuration(duration.get_ref<const std::string&>(), &parsed)) {
      return Wrong("duration", "seconds or a text such as \"1.5s\"", duration);
    }
    options.seconds = absl::ToDoubleSeconds(parsed);
  }
  if (!(options.seconds >= 0 && options.seconds <= kMaxSleepSeconds)) {
    return Wrong("duration", "between 0 and a day", duration);
  }
  return options;
}

}  // namespace stevedore::graph
