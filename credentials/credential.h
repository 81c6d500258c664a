// What proves an identity to a registry.

#ifndef STEVEDORE_CREDENTIALS_CREDENTIAL_H_
#define STEVEDORE_CREDENTIALS_CREDENTIAL_H_

#include <string>

#include "base/secret.h"

namespace stevedore::credentials {

// A user name and a password. A value.
struct Credential {
  std::string username;
  base::Secret password;
  // Where it was found, for messages: "/root/.docker/config.json".
  std::string origin;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_CREDENTIAL_H_
