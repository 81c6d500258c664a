#include "graph/buildkit_options.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "graph/option_json.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

constexpr Key kKeys[] = {
    {.name = "cache_to",
     .type = KeyType::kTexts,
     .description = "where steps are kept for others: type=registry,ref=NAME or type=inline"},
    {.name = "secrets",
     .type = KeyType::kAny,
     .description = "list of {id, file|env|credentials_id} for RUN --mount=type=secret"},
    {.name = "ssh",
     .type = KeyType::kTextsOrMap,
     .description = "SSH agents for RUN --mount=type=ssh: default, or ID=SOCKET"},
    {.name = "frontend", .description = "image of a frontend in place of BuildKit's own"},
    {.name = "build_contexts",
     .type = KeyType::kTextMap,
     .description = "names to target:NAME:VERSION (a parent), docker-image://NAME or the URL of a "
                    "git repository or archive"},
};

constexpr absl::string_view kCacheForm =
    "NAME of an image, or type=TYPE,key=value,... such as type=registry,ref=reg/app:cache";
constexpr absl::string_view kSecretForm = "{id: NAME, file: PATH | env: NAME | credentials_id: ID}";

std::vector<absl::string_view> OwnNames() {
  std::vector<absl::string_view> names;
  for (const Key& key : kKeys) names.push_back(key.name);
  return names;
}

absl::StatusOr<BuildCache> Cache(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(const std::string text, OptionText(member, json));
  absl::StatusOr<BuildCache> cache = BuildCache::Parse(text);
  if (!cache.ok()) return WrongOption(member, kCacheForm, json);
  if (cache->type == "local") {
    return WrongOption(
        member,
        "a place that every worker reaches (type=registry, inline, gha, s3, azblob); "
        "folders of one machine are none",
        json);
  }
  return cache;
}

absl::StatusOr<BuildSecret> Secret(absl::string_view member, const Json& json) {
  if (!json.is_object()) return WrongOption(member, kSecretForm, json);
  RETURN_IF_ERROR(CheckOptionMembers(member, json, {"credentials_id", "env", "file", "id"}));
  BuildSecret secret;
  int sources = 0;
  for (const auto& [name, value] : json.items()) {
    ASSIGN_OR_RETURN(std::string text, OptionText(absl::StrCat(member, ".", name), value));
    if (text.empty()) return WrongOption(absl::StrCat(member, ".", name), "a text", value);
    if (name == "id") {
      secret.id = std::move(text);
      continue;
    }
    ++sources;
    secret.kind = name == "file"  ? BuildSecret::Kind::kFile
                  : name == "env" ? BuildSecret::Kind::kEnvironment
                                  : BuildSecret::Kind::kCredentials;
    secret.source = std::move(text);
  }
  if (secret.id.empty() || sources != 1) return WrongOption(member, kSecretForm, json);
  return secret;
}

absl::StatusOr<std::vector<BuildSecret>> Secrets(const Json& json) {
  if (!json.is_array()) {
    return WrongOption("secrets", absl::StrCat("a list of ", kSecretForm), json);
  }
  std::vector<BuildSecret> secrets;
  for (size_t i = 0; i < json.size(); ++i) {
    ASSIGN_OR_RETURN(BuildSecret secret, Secret(absl::StrCat("secrets[", i, "]"), json[i]));
    for (const BuildSecret& other : secrets) {
      if (other.id == secret.id) {
        return WrongOption(absl::StrCat("secrets[", i, "].id"), "an id that no other secret has",
                           Json(secret.id));
      }
    }
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

absl::StatusOr<std::map<std::string, std::string>> Texts(absl::string_view member,
                                                         const Json& json) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : json.items()) {
    ASSIGN_OR_RETURN(texts[name], OptionText(absl::StrCat(member, ".", name), value));
  }
  return texts;
}

absl::StatusOr<std::map<std::string, std::string>> Agents(const Json& json) {
  if (json.is_object()) return Texts("ssh", json);
  std::map<std::string, std::string> agents;
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, OptionTexts("ssh", json));
  for (const std::string& text : texts) {
    std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first.empty()) return WrongOption("ssh", "default, or ID=SOCKET", Json(text));
    agents[parts.first] = std::move(parts.second);
  }
  return agents;
}

absl::StatusOr<std::map<std::string, std::string>> Contexts(const Json& json) {
  if (!json.is_object()) return WrongOption("build_contexts", "names to places", json);
  ASSIGN_OR_RETURN(auto contexts, Texts("build_contexts", json));
  for (const auto& [name, place] : contexts) {
    // target:NAME:VERSION is an image of this project; it is resolved before a driver sees it.
    const bool known = absl::StartsWith(place, "target:") ||
                       absl::StartsWith(place, "docker-image://") ||
                       absl::StartsWith(place, "https://") || absl::StartsWith(place, "http://") ||
                       absl::StartsWith(place, "git@") || absl::StartsWith(place, "ssh://");
    if (!known) {
      return WrongOption(absl::StrCat("build_contexts.", name),
                         "target:NAME:VERSION, docker-image://NAME or the URL of a git repository "
                         "or archive; folders are merged by the builder's `context`",
                         Json(place));
    }
  }
  return contexts;
}

absl::Status CheckSupported(const DockerfileOptions& options) {
  const auto refuse = [](absl::string_view name, absl::string_view advice) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": BuildKit cannot do this for one build; ", advice));
  };
  if (options.memory_bytes != 0) {
    return refuse("memory", "limit its daemon, or use driver docker");
  }
  if (options.cpus != 0) return refuse("cpus", "limit its daemon, or use driver docker");
  if (options.cpu_shares != 0) {
    return refuse("cpu_shares", "limit its daemon, or use driver docker");
  }
  if (!options.network.empty() && options.network != "none" && options.network != "host" &&
      options.network != "default") {
    return refuse("network", "allowed are none, host and default");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BuildCache> BuildCache::Parse(absl::string_view text) {
  BuildCache cache;
  if (text.find('=') == absl::string_view::npos) {
    if (text.empty() || text.find_first_of(", \t") != absl::string_view::npos) {
      return absl::InvalidArgumentError("no name of an image");
    }
    cache.type = "registry";
    cache.attributes["ref"] = std::string(text);
    return cache;
  }
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (pair.first.empty() || part.find('=') == absl::string_view::npos) {
      return absl::InvalidArgumentError("key=value expected");
    }
    if (pair.first == "type") {
      cache.type = std::string(pair.second);
    } else {
      cache.attributes[std::string(pair.first)] = std::string(pair.second);
    }
  }
  if (cache.type.empty()) return absl::InvalidArgumentError("no type");
  return cache;
}

absl::StatusOr<BuildkitOptions> BuildkitOptions::Parse(absl::string_view options_json) {
  BuildkitOptions options;
  ASSIGN_OR_RETURN(options.common, DockerfileOptions::Parse(options_json, OwnNames()));
  RETURN_IF_ERROR(CheckSupported(options.common));
  ASSIGN_OR_RETURN(const Json json, ParseOptionsObject(options_json));
  const auto find = [&json](absl::string_view name) -> const Json* {
    const auto found = json.find(std::string(name));
    return found == json.end() || found->is_null() ? nullptr : &*found;
  };
  for (size_t i = 0; i < options.common.cache_from.size(); ++i) {
    ASSIGN_OR_RETURN(BuildCache cache, Cache(absl::StrCat("cache_from[", i, "]"),
                                             Json(options.common.cache_from[i])));
    options.cache_from.push_back(std::move(cache));
  }
  if (const Json* places = find("cache_to"); places != nullptr) {
    ASSIGN_OR_RETURN(const std::vector<std::string> texts, OptionTexts("cache_to", *places));
    for (size_t i = 0; i < texts.size(); ++i) {
      ASSIGN_OR_RETURN(BuildCache cache, Cache(absl::StrCat("cache_to[", i, "]"), Json(texts[i])));
      options.cache_to.push_back(std::move(cache));
    }
  }
  if (const Json* secrets = find("secrets"); secrets != nullptr) {
    ASSIGN_OR_RETURN(options.secrets, Secrets(*secrets));
  }
  if (const Json* ssh = find("ssh"); ssh != nullptr) {
    ASSIGN_OR_RETURN(options.ssh, Agents(*ssh));
  }
  if (const Json* frontend = find("frontend"); frontend != nullptr) {
    ASSIGN_OR_RETURN(options.frontend, OptionText("frontend", *frontend));
  }
  if (const Json* contexts = find("build_contexts"); contexts != nullptr) {
    ASSIGN_OR_RETURN(options.build_contexts, Contexts(*contexts));
  }
  return options;
}

const KeyTable& BuildkitOptionKeys() {
  static const auto& keys = *[] {
    auto* all = new std::vector<Key>(DockerfileOptionKeys().keys.begin(),
                                     DockerfileOptionKeys().keys.end());
    all->insert(all->end(), std::begin(kKeys), std::end(kKeys));
    return all;
  }();
  static const KeyTable table{"options of driver buildkit", keys, ""};
  return table;
}

}  // namespace stevedore::graph
