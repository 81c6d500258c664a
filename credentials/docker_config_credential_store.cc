#include "credentials/docker_config_credential_store.h"

#include <cstdlib>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace stevedore::credentials {
namespace {

using nlohmann::json;

constexpr uint64_t kFileLimitBytes = 1 << 20;
constexpr int kDepthLimit = 16;  // Real files have 3.

// "https://index.docker.io/v1/" → "index.docker.io": what LookupKeys returns.
std::string NormalKey(absl::string_view key) {
  const bool url = absl::ConsumePrefix(&key, "https://") || absl::ConsumePrefix(&key, "http://");
  while (absl::ConsumeSuffix(&key, "/")) {
  }
  if (url && !absl::ConsumeSuffix(&key, "/v1")) absl::ConsumeSuffix(&key, "/v2");
  return std::string(key);
}

absl::StatusOr<json> Parse(const std::string& text, const std::string& path) {
  bool too_deep = false;
  json document = json::parse(
      text,
      [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > kDepthLimit;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (document.is_discarded() || too_deep || !document.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it is not a JSON object; correct it or run `docker login` again"));
  }
  return document;
}

std::string Text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// True if an external program keeps the password for `key`.
bool InProgram(const json& document, const std::string& key) {
  if (!Text(document, "credsStore").empty()) return true;
  const auto helpers = document.find("credHelpers");
  return helpers != document.end() && helpers->is_object() && helpers->contains(key);
}

absl::StatusOr<std::optional<Credential>> FromEntry(const json& document, const std::string& key,
                                                    const json& entry, const std::string& path) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": entry ", base::Quoted(key), " of `auths` ", why, "; run `docker login` again"));
  };
  if (!entry.is_object()) return bad("is not an object");
  Credential credential{Text(entry, "username"), base::Secret(Text(entry, "password")), path};
  if (const std::string encoded = Text(entry, "auth"); !encoded.empty()) {
    std::string decoded;
    if (!absl::Base64Unescape(encoded, &decoded)) return bad("has an `auth` that is not base64");
    const size_t colon = decoded.find(':');
    if (colon == std::string::npos) return bad("has an `auth` without a colon");
    // Docker pads what it encodes with NULs in some versions.
    while (!decoded.empty() && decoded.back() == '\0') decoded.pop_back();
    credential.username = decoded.substr(0, colon);
    credential.password = base::Secret(decoded.substr(colon + 1));
  }
  if (!credential.username.empty()) return credential;
  if (InProgram(document, key)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": the password for ", key,
        " is kept by a credential program, which is not run here; ",
        "put the entry into the file itself (`auths`) with a configuration without `credsStore`"));
  }
  if (!Text(entry, "identitytoken").empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the entry for ", key,
                     " is an identity token, which is not supported; log in with a password or an "
                     "access token"));
  }
  return std::nullopt;
}

}  // namespace

std::string DockerConfigCredentialStore::DefaultPath() {
  if (const char* directory = getenv("DOCKER_CONFIG"); directory != nullptr && *directory != '\0') {
    return base::JoinPath(directory, "config.json");
  }
  const char* home = getenv("HOME");
  if (home == nullptr || *home == '\0') return "";
  return base::JoinPath(home, ".docker/config.json");
}

std::string DockerConfigCredentialStore::DefaultPath(
    const std::map<std::string, std::string>& environment) {
  if (const auto it = environment.find("DOCKER_CONFIG");
      it != environment.end() && !it->second.empty()) {
    return base::JoinPath(it->second, "config.json");
  }
  const auto home = environment.find("HOME");
  if (home == environment.end() || home->second.empty()) return "";
  return base::JoinPath(home->second, ".docker/config.json");
}

absl::StatusOr<std::optional<Credential>> DockerConfigCredentialStore::Find(
    absl::string_view registry, absl::string_view repository) const {
  if (path_.empty()) return std::nullopt;
  const absl::StatusOr<std::string> text = base::ReadFile(path_, kFileLimitBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status(), "read credentials");
  ASSIGN_OR_RETURN(const json document, Parse(*text, path_));
  const auto auths = document.find("auths");
  std::map<std::string, const json*> entries;
  if (auths != document.end()) {
    if (!auths->is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": `auths` is not an object"));
    }
    for (const auto& [key, entry] : auths->items()) entries.emplace(NormalKey(key), &entry);
  }
  for (const std::string& key : LookupKeys(registry, repository)) {
    const auto it = entries.find(key);
    if (it == entries.end()) continue;
    ASSIGN_OR_RETURN(std::optional<Credential> found, FromEntry(document, key, *it->second, path_));
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

}  // namespace stevedore::credentials
