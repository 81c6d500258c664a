// What proves an identity to a registry.

#ifndef STEVEDORE_CREDENTIALS_CREDENTIAL_H_
#define STEVEDORE_CREDENTIALS_CREDENTIAL_H_

#include <string>

#include "base/secret.h"

namespace stevedore::credentials {

// A user name and a password, or a token in their place. A value.
struct Credential {
  std::string username;
  base::Secret password;
  // Where it was found, for messages: "/root/.docker/config.json".
  std::string origin;
  // An OAuth2 refresh token, which the registry's token service trades for access; the user name
  // and password are empty then.
  base::Secret identity_token = {};
  // A bearer token that the registry itself takes; everything above but `origin` is empty then.
  base::Secret registry_token = {};
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_CREDENTIAL_H_
