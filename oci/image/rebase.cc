#include "oci/image/rebase.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/image_parts.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

// Members that say what the files are made for: always the new base's.
constexpr const char* kPlatformMembers[] = {"os", "architecture", "variant", "os.version",
                                            "os.features"};
// Members of `config` whose keys are merged one by one.
constexpr const char* kMaps[] = {"Labels", "ExposedPorts", "Volumes"};

// The member, or null.
Json Get(const Json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? Json(nullptr) : *it;
}

// Writers disagree on whether to leave out a member or to write a zero value; it means the same. An
// empty list does not: it overrides.
bool SaysNothing(const Json& value) {
  return value.is_null() || (value.is_object() && value.empty()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_boolean() && !value.get<bool>());
}

bool Same(const Json& a, const Json& b) { return a == b || (SaysNothing(a) && SaysNothing(b)); }

std::set<std::string> KeysOf(std::initializer_list<const Json*> objects) {
  std::set<std::string> keys;
  for (const Json* object : objects) {
    if (!object->is_object()) continue;
    for (const auto& [key, unused] : object->items()) keys.insert(key);
  }
  return keys;
}

// The last value counts, as it does for a process; the first place is its place.
std::vector<std::pair<std::string, std::string>> ReadEnv(const Json& run) {
  std::vector<std::pair<std::string, std::string>> env;
  const Json list = Get(run, "Env");
  if (!list.is_array()) return env;
  for (const Json& item : list) {
    const std::string text = item.is_string() ? item.get<std::string>() : "";
    const size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = text.substr(0, equals);
    const auto known = std::find_if(env.begin(), env.end(),
                                    [&key](const auto& pair) { return pair.first == key; });
    if (known == env.end()) {
      env.emplace_back(key, text.substr(equals + 1));
    } else {
      known->second = text.substr(equals + 1);
    }
  }
  return env;
}

// Three configs become one. Holds references for the time of one Rebase.
class Merger {
 public:
  Merger(const ImageParts& image, const ImageParts& old_base, const ImageParts& new_base,
         RebaseReport* report)
      : image_(image), old_(old_base), new_(new_base), report_(report) {}

  Json Config() {
    Json result = new_.config;
    for (const std::string& key : KeysOf({&image_.config, &old_.config, &new_.config})) {
      if (key == "config" || key == "created" || IsPlatform(key)) continue;
      Member("", key, image_.config, old_.config, new_.config, result);
    }
    result.erase("created");
    const Json created = Get(image_.config, "created");
    if (!created.is_null()) result["created"] = created;
    result["config"] = RunConfig();
    return result;
  }

  std::map<std::string, std::string> Annotations() {
    // Few tools hand annotations of a base down. Where one did, some of them are in the image.
    const auto handed_down = [this](const auto& pair) {
      const auto it = image_.annotations.find(pair.first);
      return it != image_.annotations.end() && it->second == pair.second;
    };
    if (std::none_of(old_.annotations.begin(), old_.annotations.end(), handed_down)) {
      return image_.annotations;
    }
    const Json image = image_.annotations;
    const Json old_base = old_.annotations;
    const Json new_base = new_.annotations;
    Json result = new_base;
    for (const std::string& key : KeysOf({&image, &old_base, &new_base})) {
      Member("annotations.", key, image, old_base, new_base, result);
    }
    return result.get<std::map<std::string, std::string>>();
  }

 private:
  static bool IsPlatform(const std::string& key) {
    return std::find(std::begin(kPlatformMembers), std::end(kPlatformMembers), key) !=
           std::end(kPlatformMembers);
  }
  static bool IsMap(const std::string& key) {
    return std::find(std::begin(kMaps), std::end(kMaps), key) != std::end(kMaps);
  }

  void Report(bool changed, const std::string& name) {
    (changed ? report_->kept : report_->inherited).push_back(name);
  }

  // One member by the three-way rule; `result` has the new base's.
  void Member(const std::string& prefix, const std::string& key, const Json& image,
              const Json& old_base, const Json& new_base, Json& result) {
    Take(!Same(Get(image, key), Get(old_base, key)), prefix, key, image, new_base, result);
  }

  // The image's member if `changed`, else the new base's.
  void Take(bool changed, const std::string& prefix, const std::string& key, const Json& image,
            const Json& new_base, Json& result) {
    const Json value = Get(image, key);
    if (!Same(value, Get(new_base, key))) Report(changed, absl::StrCat(prefix, key));
    if (!changed) return;
    if (value.is_null()) {
      result.erase(key);
    } else {
      result[key] = value;
    }
  }

  Json RunConfig() {
    const Json& image = image_.config["config"];
    const Json& old_base = old_.config["config"];
    const Json& new_base = new_.config["config"];
    Json run = new_base;
    const bool own_entrypoint = !Same(Get(image, "Entrypoint"), Get(old_base, "Entrypoint"));
    for (const std::string& key : KeysOf({&image, &old_base, &new_base})) {
      if (key == "Env") {
        Env(image, old_base, new_base, run);
      } else if (IsMap(key)) {
        Map(key, image, old_base, new_base, run);
      } else if (key == "Cmd" && own_entrypoint) {
        // Arguments of the new base's entrypoint would be nonsense for another.
        Take(true, "", key, image, new_base, run);
      } else {
        Member("", key, image, old_base, new_base, run);
      }
    }
    return run;
  }

  void Map(const std::string& key, const Json& image, const Json& old_base, const Json& new_base,
           Json& run) {
    const Json image_map = Get(image, key);
    const Json old_map = Get(old_base, key);
    const Json new_map = Get(new_base, key);
    Json result = new_map.is_object() ? new_map : Json::object();
    for (const std::string& item : KeysOf({&image_map, &old_map, &new_map})) {
      // The values of sets are empty objects, which say nothing by themselves.
      const Json value = Get(image_map, item);
      const bool changed = value != Get(old_map, item);
      if (value != Get(new_map, item)) Report(changed, absl::StrCat(key, ".", item));
      if (!changed) continue;
      if (value.is_null()) {
        result.erase(item);
      } else {
        result[item] = value;
      }
    }
    SetOrErase(key, std::move(result), new_map, run);
  }

  // An emptied member goes; one that was empty before stays as the new base wrote it.
  static void SetOrErase(const std::string& key, Json value, const Json& before, Json& run) {
    if (!value.empty()) {
      run[key] = std::move(value);
    } else if (!before.empty()) {
      run.erase(key);
    }
  }

  void Env(const Json& image, const Json& old_base, const Json& new_base, Json& run) {
    const auto image_env = ReadEnv(image);
    const auto old_env = ReadEnv(old_base);
    const auto new_env = ReadEnv(new_base);
    const auto find = [](const auto& env, const std::string& key) -> const std::string* {
      for (const auto& pair : env) {
        if (pair.first == key) return &pair.second;
      }
      return nullptr;
    };
    const auto same = [](const std::string* a, const std::string* b) {
      return a == nullptr || b == nullptr ? a == b : *a == *b;
    };
    std::vector<std::pair<std::string, std::string>> result;
    std::set<std::string> reported;
    const auto report = [&](const std::string& key, const std::string* value) {
      if (!reported.insert(key).second || same(value, find(new_env, key))) return;
      Report(!same(value, find(old_env, key)), absl::StrCat("Env.", key));
    };
    bool differs = false;
    for (const auto& [key, value] : new_env) {
      const std::string* const own = find(image_env, key);
      report(key, own);
      const bool changed = !same(own, find(old_env, key));
      if (!changed) result.emplace_back(key, value);
      if (changed && own != nullptr) result.emplace_back(key, *own);
      differs = differs || (changed && !same(own, &value));
    }
    for (const auto& [key, value] : image_env) {
      report(key, &value);
      if (find(new_env, key) != nullptr || same(&value, find(old_env, key))) continue;
      result.emplace_back(key, value);
      differs = true;
    }
    for (const auto& [key, value] : old_env) report(key, find(image_env, key));
    // As the new base wrote it, twice named variables and all.
    if (!differs) return;
    Json list = Json::array();
    for (const auto& [key, value] : result) list.push_back(absl::StrCat(key, "=", value));
    SetOrErase("Env", std::move(list), Get(new_base, "Env"), run);
  }

  const ImageParts& image_;
  const ImageParts& old_;
  const ImageParts& new_;
  RebaseReport* const report_;
};

// The entries of the image's history that are its own.
Json OwnHistory(const Json& history, const Json& old_history, size_t old_layers) {
  size_t own = 0;
  if (history.size() >= old_history.size() &&
      std::equal(old_history.begin(), old_history.end(), history.begin())) {
    own = old_history.size();
  } else {
    // Somebody wrote the base's history in other words: count its layers.
    for (size_t layers = 0; own < history.size() && layers < old_layers; ++own) {
      if (MakesLayer(history[own])) ++layers;
    }
  }
  return Json(Json::array_t(history.begin() + own, history.end()));
}

absl::Status CheckBase(const Image& image, const Image& old_base) {
  const std::vector<Digest>& have = image.config.diff_ids();
  const std::vector<Digest>& want = old_base.config.diff_ids();
  for (size_t i = 0; i < want.size(); ++i) {
    if (i < have.size() && have[i] == want[i]) continue;
    const std::string found =
        i < have.size() ? absl::StrCat("is ", have[i].ToString()) : "is not there";
    return absl::FailedPreconditionError(absl::StrCat(
        "base mismatch: layer ", i + 1, " of the image ", found, ", that of the old base is ",
        want[i].ToString(), " (diff ids); give the base that the image was built on"));
  }
  return absl::OkStatus();
}

// Replaces the lower part of `image`, parallel to its diff ids.
template <typename T>
std::vector<T> Splice(const std::vector<T>& base, const std::vector<T>& image, size_t old_count) {
  std::vector<T> result = base;
  result.insert(result.end(), image.begin() + old_count, image.end());
  return result;
}

}  // namespace

bool IsBasedOn(const Image& image, const Image& base) { return CheckBase(image, base).ok(); }

absl::StatusOr<Image> Rebase(const Image& image, const Image& old_base, const Image& new_base,
                             RebaseReport* report) {
  RETURN_IF_ERROR(CheckBase(image, old_base));
  ASSIGN_OR_RETURN(const TakenApart own, TakeApart(image), "image");
  const ImageFormat format = own.parts.format;
  ASSIGN_OR_RETURN(const TakenApart old_parts, TakeApart(old_base), "old base");
  ASSIGN_OR_RETURN(const TakenApart new_parts, TakeApart(new_base, format), "new base");
  RebaseReport said;
  const size_t old_layers = old_parts.parts.diff_ids.size();
  said.removed_layers = old_layers;
  said.base_layers = new_parts.parts.diff_ids.size();
  said.kept_layers = own.parts.diff_ids.size() - old_layers;
  if (old_base.manifest.digest() == new_base.manifest.digest()) {
    if (report != nullptr) *report = std::move(said);
    return image;
  }
  Merger merger(own.parts, old_parts.parts, new_parts.parts, &said);
  ImageParts parts;
  parts.format = format;
  parts.config = merger.Config();
  parts.annotations = merger.Annotations();
  parts.others = own.parts.others;
  parts.diff_ids = Splice(new_parts.parts.diff_ids, own.parts.diff_ids, old_layers);
  parts.layers = Splice(new_parts.parts.layers, own.parts.layers, old_layers);
  parts.history = new_parts.parts.history;
  for (Json& entry : OwnHistory(own.parts.history, old_parts.parts.history, old_layers)) {
    parts.history.push_back(std::move(entry));
  }
  ASSIGN_OR_RETURN(Image result, PutTogether(parts, &own));
  said.platform_changed = !(image.config.platform() == new_base.config.platform());
  std::sort(said.inherited.begin(), said.inherited.end());
  std::sort(said.kept.begin(), said.kept.end());
  if (report != nullptr) *report = std::move(said);
  return result;
}

absl::StatusOr<Image> WithAnnotations(const Image& image,
                                      const std::map<std::string, std::string>& annotations) {
  ASSIGN_OR_RETURN(TakenApart taken, TakeApart(image));
  ImageParts parts = taken.parts;
  for (const auto& [key, value] : annotations) parts.annotations[key] = value;
  return PutTogether(parts, &taken);
}

}  // namespace stevedore::oci
