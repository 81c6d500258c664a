#include "credentials/credential_store.h"

#include "absl/strings/str_cat.h"

namespace stevedore::credentials {

std::vector<std::string> LookupKeys(absl::string_view registry, absl::string_view repository) {
  std::vector<std::string> keys;
  std::vector<std::string> hosts = {std::string(registry)};
  // `docker login` without an argument stores the third name, scripts the others.
  if (registry == "docker.io") {
    hosts.insert(hosts.end(), {"index.docker.io", "registry-1.docker.io"});
  }
  while (!repository.empty()) {
    for (const std::string& host : hosts) keys.push_back(absl::StrCat(host, "/", repository));
    const size_t slash = repository.rfind('/');
    repository = slash == absl::string_view::npos ? "" : repository.substr(0, slash);
  }
  keys.insert(keys.end(), hosts.begin(), hosts.end());
  return keys;
}

absl::StatusOr<std::optional<Credential>> MemoryCredentialStore::Find(
    absl::string_view registry, absl::string_view repository) const {
  for (const std::string& key : LookupKeys(registry, repository)) {
    for (const auto& [name, credential] : entries_) {
      if (name == key) return credential;
    }
  }
  return std::nullopt;
}

}  // namespace stevedore::credentials
