// What can be told of a private key without opening it.

#ifndef STEVEDORE_CONTEXT_SSH_PRIVATE_KEY_H_
#define STEVEDORE_CONTEXT_SSH_PRIVATE_KEY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::context {

// The outside of a private key file. A value.
struct SshPrivateKey {
  bool is_key = false;     // False: no private key in a form that is known here.
  bool encrypted = false;  // It needs a password.
  bool rsa = false;
};

// Looks at the text of a private key file (OpenSSH or PEM). Thread-safe.
SshPrivateKey LookAtPrivateKey(absl::string_view text);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_SSH_PRIVATE_KEY_H_
