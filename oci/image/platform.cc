#include "oci/image/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

std::set<std::string> AsSet(const std::vector<std::string>& list) {
  return std::set<std::string>(list.begin(), list.end());
}

// arm64 has one variant in use, v8, and tools disagree on writing it.
absl::string_view EffectiveVariant(const Platform& platform) {
  if (platform.architecture == "arm64" && platform.variant == "v8") return "";
  return platform.variant;
}

absl::Status ReadText(const nlohmann::json& json, const char* member, std::string* out) {
  const auto it = json.find(member);
  if (it == json.end()) return absl::OkStatus();
  if (!it->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("platform.", member, " is not a text"));
  }
  *out = it->get<std::string>();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Platform> Platform::Parse(absl::string_view text) {
  Platform platform;
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos) {
    platform.os_version = std::string(text.substr(colon + 1));
  }
  const absl::string_view names = text.substr(0, colon);
  const std::vector<std::string> parts = absl::StrSplit(names, '/');
  const bool hole = !text.empty() && std::count(parts.begin(), parts.end(), "") > 0;
  if (parts.size() > 3 || hole) {
    return absl::InvalidArgumentError(absl::StrCat("platform ", base::Quoted(text),
                                                   " is not of the form os/architecture[/variant], "
                                                   "like linux/amd64 or linux/arm/v7"));
  }
  platform.os = parts[0];
  if (parts.size() > 1) platform.architecture = parts[1];
  if (parts.size() > 2) platform.variant = parts[2];
  return platform;
}

Platform Platform::Host() {
  struct utsname name = {};
  // uname fails only for a bad pointer.
  if (uname(&name) != 0) return {.os = "linux", .architecture = "amd64"};
  const absl::string_view machine = name.machine;
  Platform platform{.os = "linux", .architecture = std::string(machine)};
  if (machine == "x86_64") platform.architecture = "amd64";
  if (machine == "aarch64") platform.architecture = "arm64";
  if (machine == "i386" || machine == "i686") platform.architecture = "386";
  if (absl::StartsWith(machine, "armv")) {
    platform.architecture = "arm";
    platform.variant = absl::StrCat("v", machine.substr(4, 1));
  }
  return platform;
}

std::string Platform::ToString() const {
  std::string text = os;
  if (!architecture.empty()) absl::StrAppend(&text, "/", architecture);
  if (!variant.empty()) absl::StrAppend(&text, "/", variant);
  if (!os_version.empty()) absl::StrAppend(&text, ":", os_version);
  return text;
}

bool Platform::Satisfies(const Platform& want) const {
  const auto serves = [](absl::string_view have, absl::string_view wanted) {
    return wanted.empty() || have == wanted;
  };
  const std::set<std::string> have_features = AsSet(os_features);
  const std::set<std::string> want_features = AsSet(want.os_features);
  return serves(os, want.os) && serves(architecture, want.architecture) &&
         serves(EffectiveVariant(*this), EffectiveVariant(want)) &&
         serves(os_version, want.os_version) &&
         std::includes(have_features.begin(), have_features.end(), want_features.begin(),
                       want_features.end());
}

bool operator==(const Platform& a, const Platform& b) {
  return a.os == b.os && a.architecture == b.architecture && a.variant == b.variant &&
         a.os_version == b.os_version && AsSet(a.os_features) == AsSet(b.os_features);
}

nlohmann::json Platform::ToJson() const {
  nlohmann::json json = {{"architecture", architecture}, {"os", os}};
  if (!variant.empty()) json["variant"] = variant;
  if (!os_version.empty()) json["os.version"] = os_version;
  if (!os_features.empty()) json["os.features"] = os_features;
  return json;
}

absl::StatusOr<Platform> Platform::FromJson(const nlohmann::json& json) {
  if (!json.is_object()) return absl::InvalidArgumentError("platform is not an object");
  Platform platform;
  RETURN_IF_ERROR(ReadText(json, "os", &platform.os));
  RETURN_IF_ERROR(ReadText(json, "architecture", &platform.architecture));
  RETURN_IF_ERROR(ReadText(json, "variant", &platform.variant));
  RETURN_IF_ERROR(ReadText(json, "os.version", &platform.os_version));
  if (!json.contains("os") || !json.contains("architecture")) {
    return absl::InvalidArgumentError("platform has no os or no architecture");
  }
  const auto features = json.find("os.features");
  if (features != json.end()) {
    if (!features->is_array()) {
      return absl::InvalidArgumentError("platform.os.features is not a list");
    }
    for (const nlohmann::json& feature : *features) {
      if (!feature.is_string()) {
        return absl::InvalidArgumentError("platform.os.features has an item that is not a text");
      }
      platform.os_features.push_back(feature.get<std::string>());
    }
  }
  return platform;
}

}  // namespace stevedore::oci
