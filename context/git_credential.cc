#include "context/git_credential.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "credentials/record.h"

namespace stevedore::context {

std::string GitCredential::Identity() const {
  if (has_key() && private_key.empty()) return absl::StrCat("key file\n", private_key_file);
  if (has_key()) return absl::StrCat("key\n", base::Sha256Hex(private_key.Reveal()));
  if (!has_password()) return "";
  return absl::StrCat("password\n", username, "\n", base::Sha256Hex(password.Reveal()));
}

absl::StatusOr<GitCredential> SelectGitCredential(const GitAuth& auth,
                                                  const credentials::RecordStore* store) {
  GitCredential credential;
  if (!auth.ssh_user.empty()) credential.ssh_user = auth.ssh_user;
  if (!auth.credentials_id.empty()) {
    credential.source = absl::StrCat("credentials ", base::Quoted(auth.credentials_id));
    if (store == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("git context asks for ", credential.source,
                                                        ", but no credential store is configured"));
    }
    ASSIGN_OR_RETURN(const std::optional<credentials::Record> record,
                     store->Get(auth.credentials_id));
    if (!record.has_value()) {
      return absl::NotFoundError(absl::StrCat(
          credential.source, " are not in ", store->Describe(),
          "; add them there with: stevedore-cli create credentials ", auth.credentials_id));
    }
    if (!record->git_ssh_user.empty()) credential.ssh_user = record->git_ssh_user;
    if (!record->username.empty() && !record->password.empty()) {
      credential.username = record->username;
      credential.password = record->password;
      return credential;
    }
    if (!record->private_key_file.empty() || !record->private_key.empty()) {
      credential.private_key_file = record->private_key_file;
      credential.private_key = record->private_key;
      credential.private_key_password = record->private_key_password;
      return credential;
    }
    if (record->use_ssh_agent) return credential;
    // Nothing that git can use: what stands in the definition is next.
  }
  if (!auth.username.empty() && !auth.password.empty()) {
    credential.username = auth.username;
    credential.password = auth.password;
  } else if (!auth.private_key_file.empty()) {
    credential.private_key_file = auth.private_key_file;
    credential.private_key_password = auth.private_key_password;
  }
  return credential;
}

}  // namespace stevedore::context
