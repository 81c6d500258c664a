// Where a program of ours looks for the credentials of registries.

#ifndef STEVEDORE_CREDENTIALS_LOGIN_CHAIN_H_
#define STEVEDORE_CREDENTIALS_LOGIN_CHAIN_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "credentials/credential_store.h"
#include "credentials/open_credentials.h"
#include "credentials/record.h"
#include "credentials/record_store.h"
#include "http/client.h"

namespace stevedore::credentials {

// Which store of records a program uses. A value.
struct RecordStoreSettings {
  std::string type = "local";  // Or "envvars".
  std::string local_path = "credentials";
  RecordFormat format = RecordFormat::kJson;
  base::Secret encryption_key = {};
  // Of the process; for `envvars`.
  std::map<std::string, std::string> environment = {};
};

// The store that `settings` describe. INVALID_ARGUMENT for a type that there is not. Thread-safe.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordStore(const RecordStoreSettings& settings);

// OpenCredentials as the command line and workers share it: owns the store of records, and says
// what kind of failure a failed lookup is. Thread-safe after UseStore.
class LoginChain final : public CredentialStore {
 public:
  // `http` must outlive this; `environment` says where Docker's configuration is.
  explicit LoginChain(http::Client* http,
                      std::map<std::string, std::string> environment = ProcessEnvironment());

  // From now on `records` is asked first. Not thread-safe.
  void UseStore(std::unique_ptr<RecordStore> records);
  // The store of records; null if none is used.
  const RecordStore* records() const { return records_.get(); }

  // A lookup that fails is UNAUTHENTICATED, whatever is wrong with the entry (it is not the recipe
  // that has to be changed), except where another try may succeed.
  absl::StatusOr<std::optional<Credential>> Find(absl::string_view registry,
                                                 absl::string_view repository) const override;

 private:
  http::Client* const http_;
  const std::map<std::string, std::string> environment_;
  std::unique_ptr<RecordStore> records_;
  std::unique_ptr<CredentialStore> logins_;  // Uses records_.
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_LOGIN_CHAIN_H_
