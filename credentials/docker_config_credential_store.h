// Credentials that `docker login`, `podman login` or ours wrote.

#ifndef STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_
#define STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential_helper.h"
#include "credentials/credential_store.h"
#include "credentials/docker_config.h"

namespace stevedore::credentials {

// The logins of files in the format of Docker's config.json: in the files themselves (`auths`) and
// with credential helpers (`credHelpers`, `credsStore`). The files are read at each lookup, so that
// a login counts at once; helpers are asked again after a while (CredentialHelpers). Thread-safe.
class DockerConfigCredentialStore final : public CredentialStore {
 public:
  // One file; one that is not there holds no credentials.
  explicit DockerConfigCredentialStore(std::string path)
      : DockerConfigCredentialStore(std::vector<std::string>{std::move(path)},
                                    std::make_shared<CredentialHelpers>()) {}
  // Several; the first that has a credential decides. `helpers` may be shared with others who ask
  // the same programs.
  DockerConfigCredentialStore(std::vector<std::string> paths,
                              std::shared_ptr<const CredentialHelpers> helpers)
      : paths_(std::move(paths)), helpers_(std::move(helpers)) {}

  // Where logins are looked for, by the variables of `environment`: $REGISTRY_AUTH_FILE,
  // $DOCKER_CONFIG/config.json or else ~/.docker/config.json, and then Podman's
  // $XDG_RUNTIME_DIR/containers/auth.json and ~/.config/containers/auth.json.
  static std::vector<std::string> DefaultPaths(
      const std::map<std::string, std::string>& environment);
  // Where a login is written: the first of these. Empty if no variable says where.
  static std::string DefaultPath(const std::map<std::string, std::string>& environment);

  // INVALID_ARGUMENT, naming the file, if it or the entry found is malformed; the system's error if
  // it cannot be read; the errors of CredentialHelpers::Get with the file that asked for it.
  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  absl::StatusOr<std::optional<Credential>> FindIn(const DockerConfig& config,
                                                   const std::string& key) const;

  const std::vector<std::string> paths_;
  const std::shared_ptr<const CredentialHelpers> helpers_;  // Shared with who logs in and out.
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_DOCKER_CONFIG_CREDENTIAL_STORE_H_
