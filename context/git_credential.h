// What a git server is shown.

#ifndef STEVEDORE_CONTEXT_GIT_CREDENTIAL_H_
#define STEVEDORE_CONTEXT_GIT_CREDENTIAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "credentials/record_store.h"

namespace stevedore::context {

// The `auth` block of a git context as definitions have it. A value.
struct GitAuth {
  std::string credentials_id;
  std::string username;
  base::Secret password;
  std::string private_key_file;
  base::Secret private_key_password;
  std::string ssh_user;
};

// What was chosen to prove an identity with: at most one of password, key file and agent. A value.
struct GitCredential {
  // Where it came from, for messages: "credentials `git.example.com`". Empty: none was named.
  std::string source;
  std::string username;
  base::Secret password;
  std::string private_key_file;
  // The key itself, in place of the file: it came with a build.
  base::Secret private_key;
  base::Secret private_key_password;
  // For ssh, when the URL names none.
  std::string ssh_user = "git";

  bool has_password() const { return !username.empty() && !password.empty(); }
  bool has_key() const { return !private_key_file.empty() || !private_key.empty(); }

  // Tells credentials apart, secrets hashed: what one may read, another may not.
  std::string Identity() const;
};

// Chooses as gostevedore does: the record of `credentials_id` (user and password, key file, else
// agent), then user and password written in place, then a key file, else nothing (ssh then asks the
// agent). NOT_FOUND if the id has no record, naming the store; FAILED_PRECONDITION if there is no
// store. `store` may be null. Thread-safe.
absl::StatusOr<GitCredential> SelectGitCredential(const GitAuth& auth,
                                                  const credentials::RecordStore* store);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_CREDENTIAL_H_
