#include "credentials/login_chain.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "credentials/environment_credential_store.h"
#include "credentials/file_credential_store.h"

namespace stevedore::credentials {
namespace {

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenRecordStore(const RecordStoreSettings& settings) {
  if (settings.type == "local") {
    return std::make_unique<FileCredentialStore>(settings.local_path, settings.encryption_key,
                                                 settings.format);
  }
  if (settings.type == "envvars") {
    return std::make_unique<EnvironmentCredentialStore>(settings.environment,
                                                        settings.encryption_key);
  }
  return absl::InvalidArgumentError(absl::StrCat("`credentials.storage_type` is ",
                                                 base::Quoted(settings.type),
                                                 "; there are `local` and `envvars`"));
}

LoginChain::LoginChain(http::Client* http, std::map<std::string, std::string> environment)
    : http_(http),
      environment_(std::move(environment)),
      logins_(OpenCredentials({.http = http_, .environment = environment_})) {}

void LoginChain::UseStore(std::unique_ptr<RecordStore> records) {
  logins_ = OpenCredentials({.records = records.get(), .http = http_, .environment = environment_});
  records_ = std::move(records);
}

absl::StatusOr<std::optional<Credential>> LoginChain::Find(absl::string_view registry,
                                                           absl::string_view repository) const {
  absl::StatusOr<std::optional<Credential>> found = logins_->Find(registry, repository);
  if (found.ok() || MayPass(found.status())) return found;
  return absl::UnauthenticatedError(found.status().message());
}

}  // namespace stevedore::credentials
