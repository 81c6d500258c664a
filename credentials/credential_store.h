// Where credentials are looked up.

#ifndef STEVEDORE_CREDENTIALS_CREDENTIAL_STORE_H_
#define STEVEDORE_CREDENTIALS_CREDENTIAL_STORE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential.h"

namespace stevedore::credentials {

// Finds the credential for a registry, or for a part of one. Thread-safe.
class CredentialStore {
 public:
  virtual ~CredentialStore() = default;

  // The credential for `repository` ("shop/web"; may be empty) of `registry` ("docker.io",
  // "localhost:5000"), or nullopt if the store has none: then one asks anonymously. The most
  // specific entry wins: host/ns/repo, host/ns, host. Errors say which file is wrong and why.
  virtual absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                         absl::string_view repository) const = 0;
};

// The keys under which a credential for `repository` of `registry` may stand, most specific first.
// Docker Hub has several names.
std::vector<std::string> LookupKeys(absl::string_view registry, absl::string_view repository);

// Credentials given by the program. Thread-safe, as nothing changes after construction.
class MemoryCredentialStore final : public CredentialStore {
 public:
  MemoryCredentialStore() = default;
  // Pairs of key (host, host/ns, host/ns/repo) and credential.
  explicit MemoryCredentialStore(std::vector<std::pair<std::string, Credential>> entries)
      : entries_(std::move(entries)) {}

  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  const std::vector<std::pair<std::string, Credential>> entries_ = {};
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_CREDENTIAL_STORE_H_
