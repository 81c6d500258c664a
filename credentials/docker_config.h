// What Docker's config.json says about registries.

#ifndef STEVEDORE_CREDENTIALS_DOCKER_CONFIG_H_
#define STEVEDORE_CREDENTIALS_DOCKER_CONFIG_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential.h"

namespace stevedore::credentials {

// The key of a registry or repository as it is compared: "https://index.docker.io/v1/" →
// "index.docker.io", "reg.example.com/team/" → "reg.example.com/team". Thread-safe.
std::string NormalDockerKey(absl::string_view key);

// Under which of its names docker keeps a login for `key` ("docker.io", "reg:5000/team"):
// "https://index.docker.io/v1/" for Docker Hub, else `key`. Thread-safe.
std::string DockerServer(absl::string_view key);

// The registry, or part of one, that somebody wants to log in to: "https://reg.example.com/v2/" →
// "reg.example.com", any name of Docker Hub and nothing at all → "docker.io". INVALID_ARGUMENT if
// it cannot be one. Thread-safe.
absl::StatusOr<std::string> ParseLoginServer(absl::string_view text);

// The document of a config.json, of which only the members about logins are looked at; all others
// stay as they are, in their order. A value; thread-safe as far as it is not changed.
class DockerConfig {
 public:
  // `name` of the file, for messages. Empty text is an empty configuration. INVALID_ARGUMENT, with
  // place and remedy, if it is not JSON or a member about logins is of the wrong kind.
  static absl::StatusOr<DockerConfig> Parse(absl::string_view text, std::string name);

  // NAME of the program docker-credential-NAME that keeps the login of exactly `key` (a normal
  // one), by `credHelpers`; empty if none does.
  std::string HelperOf(absl::string_view key) const;
  // The one that keeps all others, by `credsStore`; empty: the file itself.
  const std::string& credentials_store() const { return credentials_store_; }

  // The keys of `auths`, as they stand there, whose normal form is `key`.
  std::vector<std::string> KeysLike(absl::string_view key) const;

  // The login in the file itself for `key`; nullopt if there is none, or only a sign that a program
  // keeps it. INVALID_ARGUMENT if the entry is malformed.
  absl::StatusOr<std::optional<Credential>> Find(absl::string_view key) const;

  // Replaces all entries like `key` by one with the login; without, by a sign that a program keeps
  // it. INVALID_ARGUMENT if the file cannot hold it: a user name with a colon, or not UTF-8.
  absl::Status Set(absl::string_view key, const std::optional<Credential>& credential);
  // Removes all entries like `key`; true if there were any.
  bool Remove(absl::string_view key);

  // The document with docker's own indentation.
  std::string ToText() const;

  const std::string& name() const { return name_; }

 private:
  DockerConfig(nlohmann::ordered_json document, std::string name)
      : document_(std::move(document)), name_(std::move(name)) {}

  absl::Status Check();

  nlohmann::ordered_json document_;
  std::string name_;
  std::string credentials_store_;
  std::vector<std::pair<std::string, std::string>> helpers_;  // Normal key and name.
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_DOCKER_CONFIG_H_
