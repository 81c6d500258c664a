#include "credentials/docker_config_credential_store.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::credentials {
namespace {

constexpr uint64_t kFileLimitBytes = 1 << 20;

}  // namespace

std::vector<std::string> DockerConfigCredentialStore::DefaultPaths(
    const std::map<std::string, std::string>& environment) {
  std::vector<std::string> paths;
  const auto add = [&](const char* variable, absl::string_view below) {
    const auto it = environment.find(variable);
    if (it == environment.end() || it->second.empty()) return false;
    paths.push_back(below.empty() ? it->second : base::JoinPath(it->second, below));
    return true;
  };
  add("REGISTRY_AUTH_FILE", "");
  if (!add("DOCKER_CONFIG", "config.json")) add("HOME", ".docker/config.json");
  add("XDG_RUNTIME_DIR", "containers/auth.json");
  if (!add("XDG_CONFIG_HOME", "containers/auth.json")) add("HOME", ".config/containers/auth.json");
  return paths;
}

std::string DockerConfigCredentialStore::DefaultPath(
    const std::map<std::string, std::string>& environment) {
  const bool known = environment.count("REGISTRY_AUTH_FILE") + environment.count("DOCKER_CONFIG") +
                         environment.count("HOME") >
                     0;
  const std::vector<std::string> paths = DefaultPaths(environment);
  return known && !paths.empty() ? paths.front() : "";
}

absl::StatusOr<std::optional<Credential>> DockerConfigCredentialStore::FindIn(
    const DockerConfig& config, const std::string& key) const {
  std::string helper = config.HelperOf(key);
  const char* member = "credHelpers";
  std::vector<std::string> servers = config.KeysLike(key);
  if (helper.empty() && !config.credentials_store().empty() &&
      (!servers.empty() || !absl::StrContains(key, "/"))) {
    helper = config.credentials_store();
    member = "credsStore";
  }
  if (!helper.empty()) {
    const std::string server = DockerServer(key);
    servers.erase(std::remove(servers.begin(), servers.end(), server), servers.end());
    servers.insert(servers.begin(), server);
    for (const std::string& name : servers) {
      ASSIGN_OR_RETURN(std::optional<Credential> found, helpers_->Get(helper, name), config.name(),
                       ": `", member, "`");
      if (!found.has_value()) continue;
      found->origin = absl::StrCat(found->origin, ", named in ", config.name());
      return found;
    }
  }
  return config.Find(key);
}

absl::StatusOr<std::optional<Credential>> DockerConfigCredentialStore::Find(
    absl::string_view registry, absl::string_view repository) const {
  for (const std::string& path : paths_) {
    if (path.empty()) continue;
    const absl::StatusOr<std::string> text = base::ReadFile(path, kFileLimitBytes);
    if (absl::IsNotFound(text.status())) continue;
    RETURN_IF_ERROR(text.status(), "read credentials");
    ASSIGN_OR_RETURN(const DockerConfig config, DockerConfig::Parse(*text, path));
    for (const std::string& key : LookupKeys(registry, repository)) {
      ASSIGN_OR_RETURN(std::optional<Credential> found, FindIn(config, key));
      if (found.has_value()) return found;
    }
  }
  return std::nullopt;
}

}  // namespace stevedore::credentials
