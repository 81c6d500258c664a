// Credentials that `docker login` wrote.

#ifndef STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_
#define STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential_store.h"

namespace stevedore::credentials {

// The `auths` of Docker's config.json, read at each lookup, so that a `docker login` counts at
// once. Thread-safe.
class DockerConfigCredentialStore final : public CredentialStore {
 public:
  // `path` of the file; a file that is not there holds no credentials.
  explicit DockerConfigCredentialStore(std::string path) : path_(std::move(path)) {}

  // $DOCKER_CONFIG/config.json, else ~/.docker/config.json; empty if neither variable is set.
  static std::string DefaultPath();
  // The same with other variables than this process's.
  static std::string DefaultPath(const std::map<std::string, std::string>& environment);

  // INVALID_ARGUMENT, naming the file, if it or the entry found is malformed; FAILED_PRECONDITION
  // if the entry says that an external credential program keeps the password; the system's error if
  // it cannot be read.
  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  const std::string path_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_
