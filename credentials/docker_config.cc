#include "credentials/docker_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

using nlohmann::ordered_json;

constexpr int kDepthLimit = 16;  // Real files have 3.
constexpr char kHubServer[] = "https://index.docker.io/v1/";

bool IsHub(absl::string_view key) {
  return key == "docker.io" || key == "index.docker.io" || key == "registry-1.docker.io";
}

// "line 3, column 5" of a byte offset.
std::string Place(absl::string_view text, size_t offset) {
  const absl::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n');
  return absl::StrCat(line, ":",
                      before.size() - (start == absl::string_view::npos ? 0 : start + 1) + 1);
}

// The text member `name`, or "".
std::string Text(const ordered_json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// `member` of `object` if it is there and not null.
const ordered_json* Member(const ordered_json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status SplitAuth(const std::string& encoded, Credential& credential) {
  std::string decoded;
  if (!absl::Base64Unescape(encoded, &decoded)) {
    return absl::InvalidArgumentError("has an `auth` that is not base64");
  }
  const size_t colon = decoded.find(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError("has an `auth` without a colon");
  }
  // Docker pads what it encodes with NULs in some versions.
  while (!decoded.empty() && decoded.back() == '\0') decoded.pop_back();
  credential.username = decoded.substr(0, colon);
  credential.password = base::Secret(decoded.substr(std::min(colon + 1, decoded.size())));
  return absl::OkStatus();
}

}  // namespace

std::string NormalDockerKey(absl::string_view key) {
  const bool url = absl::ConsumePrefix(&key, "https://") || absl::ConsumePrefix(&key, "http://");
  while (absl::ConsumeSuffix(&key, "/")) {
  }
  if (url && !absl::ConsumeSuffix(&key, "/v1")) absl::ConsumeSuffix(&key, "/v2");
  return std::string(key);
}

std::string DockerServer(absl::string_view key) {
  return IsHub(key) ? kHubServer : std::string(key);
}

absl::StatusOr<std::string> ParseLoginServer(absl::string_view text) {
  std::string key = NormalDockerKey(absl::StripAsciiWhitespace(text));
  if (key.empty() && text.empty()) return "docker.io";
  const absl::string_view host = absl::string_view(key).substr(0, key.find('/'));
  const bool good = !host.empty() && host[0] != '-' && key.find("//") == std::string::npos &&
                    std::all_of(key.begin(), key.end(), [](char c) {
                      return absl::ascii_isalnum(c) || absl::StrContains("-._/:[]", c);
                    });
  if (!good) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(text), " is no registry; give its host, with its port if it has one ",
        "(`registry.example.com:5000`), or nothing for Docker Hub"));
  }
  const size_t host_size = host.size();
  const std::string lower = absl::AsciiStrToLower(host);
  key.replace(0, host_size, lower);
  return IsHub(key) ? "docker.io" : key;
}

absl::StatusOr<DockerConfig> DockerConfig::Parse(absl::string_view text, std::string name) {
  constexpr char kRemedy[] = "correct it, or move it away and log in again";
  if (absl::StripAsciiWhitespace(text).empty()) {
    return DockerConfig(ordered_json::object(), std::move(name));
  }
  bool too_deep = false;
  ordered_json document;
  try {
    document = ordered_json::parse(text.begin(), text.end(),
                                   [&](int depth, ordered_json::parse_event_t, ordered_json&) {
                                     too_deep = too_deep || depth > kDepthLimit;
                                     return !too_deep;
                                   });
  } catch (const nlohmann::json::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(name, ":",
                                                   Place(text, error.byte > 0 ? error.byte - 1 : 0),
                                                   ": this is not valid JSON; ", kRemedy));
  } catch (const nlohmann::json::exception&) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": this is not valid JSON; ", kRemedy));
  }
  if (too_deep || !document.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": it is not a JSON object",
        too_deep ? absl::StrCat(" of at most ", kDepthLimit, " levels") : "", "; ", kRemedy));
  }
  DockerConfig config(std::move(document), std::move(name));
  RETURN_IF_ERROR(config.Check());
  return config;
}

absl::Status DockerConfig::Check() {
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(name_, ": ", what, "; correct it"));
  };
  if (const ordered_json* auths = Member(document_, "auths");
      auths != nullptr && !auths->is_object()) {
    return wrong("`auths` is not an object");
  }
  if (const ordered_json* store = Member(document_, "credsStore"); store != nullptr) {
    if (!store->is_string()) return wrong("`credsStore` is not a text");
    credentials_store_ = store->get<std::string>();
  }
  const ordered_json* helpers = Member(document_, "credHelpers");
  if (helpers == nullptr) return absl::OkStatus();
  if (!helpers->is_object()) return wrong("`credHelpers` is not an object");
  for (const auto& [key, value] : helpers->items()) {
    if (!value.is_string()) {
      return wrong(absl::StrCat("entry ", base::Quoted(key), " of `credHelpers` is not a text"));
    }
    helpers_.emplace_back(NormalDockerKey(key), value.get<std::string>());
  }
  return absl::OkStatus();
}

std::string DockerConfig::HelperOf(absl::string_view key) const {
  for (const auto& [normal, helper] : helpers_) {
    if (normal == key) return helper;
  }
  return "";
}

std::vector<std::string> DockerConfig::KeysLike(absl::string_view key) const {
  std::vector<std::string> keys;
  const ordered_json* auths = Member(document_, "auths");
  if (auths == nullptr) return keys;
  for (const auto& [raw, entry] : auths->items()) {
    if (NormalDockerKey(raw) == key) keys.push_back(raw);
  }
  return keys;
}

absl::StatusOr<std::optional<Credential>> DockerConfig::Find(absl::string_view key) const {
  for (const std::string& raw : KeysLike(key)) {
    const ordered_json& entry = document_["auths"][raw];
    const auto bad = [&](absl::string_view why) {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": entry ", base::Quoted(raw),
                                                     " of `auths` ", why, "; log in again"));
    };
    if (!entry.is_object()) return bad("is not an object");
    Credential found{Text(entry, "username"), base::Secret(Text(entry, "password")), name_};
    if (const std::string encoded = Text(entry, "auth"); !encoded.empty()) {
      if (const absl::Status split = SplitAuth(encoded, found); !split.ok()) {
        return bad(split.message());
      }
    }
    found.identity_token = base::Secret(Text(entry, "identitytoken"));
    found.registry_token = base::Secret(Text(entry, "registrytoken"));
    if (!found.username.empty() || !found.identity_token.empty() || !found.registry_token.empty()) {
      return found;
    }
  }
  return std::nullopt;
}

absl::Status DockerConfig::Set(absl::string_view key, const std::optional<Credential>& credential) {
  ordered_json entry = ordered_json::object();
  if (credential.has_value()) {
    if (absl::StrContains(credential->username, ":")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "user name ", base::Quoted(credential->username),
          " has a colon, which this file cannot hold; use a credential helper (`credsStore`)"));
    }
    entry["auth"] =
        absl::Base64Escape(absl::StrCat(credential->username, ":", credential->password.Reveal()));
    if (!credential->identity_token.empty()) {
      entry["identitytoken"] = credential->identity_token.Reveal();
    }
  }
  ordered_json& auths = document_["auths"];
  if (auths.is_null()) auths = ordered_json::object();
  const std::string server = DockerServer(key);
  // In the place of the old entry, so that the file's order stays.
  for (const std::string& raw : KeysLike(key)) {
    if (raw != server) auths.erase(raw);
  }
  auths[server] = std::move(entry);
  return absl::OkStatus();
}

bool DockerConfig::Remove(absl::string_view key) {
  const std::vector<std::string> keys = KeysLike(key);
  for (const std::string& raw : keys) document_["auths"].erase(raw);
  return !keys.empty();
}

std::string DockerConfig::ToText() const {
  // Strings of ours may hold what is not UTF-8 (identity tokens of helpers); the rest was parsed.
  return document_.dump(1, '\t', /*ensure_ascii=*/false, ordered_json::error_handler_t::replace);
}

}  // namespace stevedore::credentials
