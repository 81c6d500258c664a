// Logging in and out: changes of Docker's config.json and of the programs that it names.

#ifndef STEVEDORE_CREDENTIALS_DOCKER_LOGINS_H_
#define STEVEDORE_CREDENTIALS_DOCKER_LOGINS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential.h"
#include "credentials/credential_helper.h"
#include "credentials/docker_config.h"

namespace stevedore::credentials {

// Writes logins as docker does, so that docker, podman and we read each other's. The file is
// replaced atomically with mode 0600, through links; members that are not about logins stay.
// Changes by several processes come one after the other (by a lock beside the file). A file that
// cannot be parsed is an error, and left alone. Thread-safe.
class DockerLogins {
 public:
  // `path` of the config.json.
  DockerLogins(std::string path, std::shared_ptr<const CredentialHelpers> helpers)
      : path_(std::move(path)), helpers_(std::move(helpers)) {}

  // Where a login was put.
  struct Place {
    std::string name;            // The file, or the program with the file that names it.
    bool readable_text = false;  // In the file: whoever reads it has the password.
  };

  // Keeps `credential` for `key`, as ParseLoginServer returns it.
  absl::StatusOr<Place> Store(const std::string& key, const Credential& credential) const;

  // Forgets the login for `key`; false if there was none.
  absl::StatusOr<bool> Erase(const std::string& key) const;

 private:
  absl::StatusOr<DockerConfig> Read(const std::string& path) const;
  // Reads, changes and writes the file under its lock; `change` returns whether there is a change.
  absl::Status Edit(absl::FunctionRef<absl::StatusOr<bool>(DockerConfig&)> change) const;

  const std::string path_;
  const std::shared_ptr<const CredentialHelpers> helpers_;  // Shared with who looks logins up.
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_DOCKER_LOGINS_H_
