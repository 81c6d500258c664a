// Credentials in environment variables, as gostevedore's store `envvars` keeps them.

#ifndef STEVEDORE_CREDENTIALS_ENVIRONMENT_CREDENTIAL_STORE_H_
#define STEVEDORE_CREDENTIALS_ENVIRONMENT_CREDENTIAL_STORE_H_

#include <map>
#include <string>
#include <utility>

#include "credentials/envelope.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {

// Variables STEVEDORE_ENVVARS_CREDENTIALS_<MD5 of the id in upper-case hex>, always encrypted.
// Thread-safe.
class EnvironmentCredentialStore final : public RecordStore {
 public:
  // `environment` is what was found at start.
  EnvironmentCredentialStore(std::map<std::string, std::string> environment, base::Secret key)
      : environment_(std::move(environment)), envelope_(std::move(key)) {}

  // The variable for `id`.
  static std::string VariableName(absl::string_view id);

  // Name and value of the variable to set for `record`, in gostevedore's format.
  // FAILED_PRECONDITION without a key, INVALID_ARGUMENT for a record that cannot be written.
  absl::StatusOr<std::pair<std::string, std::string>> Export(const Record& record,
                                                             RecordFormat format) const;

  absl::StatusOr<std::optional<Record>> Get(absl::string_view id) const override;
  absl::StatusOr<std::vector<RecordEntry>> List() const override;
  std::string Describe() const override { return "credential store envvars"; }

 private:
  absl::StatusOr<Record> Read(const std::string& variable, const std::string& value) const;

  const std::map<std::string, std::string> environment_;
  const Envelope envelope_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_ENVIRONMENT_CREDENTIAL_STORE_H_
