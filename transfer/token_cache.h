// Tokens for registries that use the Bearer scheme.

#ifndef STEVEDORE_TRANSFER_TOKEN_CACHE_H_
#define STEVEDORE_TRANSFER_TOKEN_CACHE_H_

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "credentials/credential.h"
#include "http/client.h"

namespace stevedore::transfer {

// What a token is asked for. A value.
struct TokenRequest {
  std::string registry;  // As users write it; for messages and the cache.
  std::string realm;     // URL of the token service; already checked by CheckTokenService.
  std::string service;
  std::vector<std::string> scopes;  // "repository:shop/web:pull,push"
  std::optional<credentials::Credential> credential = std::nullopt;
  http::TlsOptions tls = {};
  bool stranger_named_it = false;  // As http::Request: of the realm.
};

// Fetches tokens and keeps them until shortly before they expire. Equal requests at the same time
// are one call to the service. Thread-safe.
class TokenCache {
 public:
  // Both must outlive the cache.
  TokenCache(http::Client* http, const base::Clock* clock) : http_(http), clock_(clock) {}

  // A token for `request`. UNAUTHENTICATED if the service refuses the password (says whose and what
  // to do), UNAVAILABLE if it cannot be reached or fails: may be repeated; INTERNAL if its answer
  // holds no token; CANCELLED.
  absl::StatusOr<base::Secret> Get(const TokenRequest& request, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Forgets the token for `request`: the registry refused it.
  void Forget(const TokenRequest& request) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    bool fetching = false;
    base::Secret token;
    absl::Duration expires_at;  // By Clock::SinceBoot.
  };
  struct Fetched {
    base::Secret token;
    absl::Duration lifetime;
  };

  absl::StatusOr<Fetched> Fetch(const TokenRequest& request, std::stop_token stop) const;

  http::Client* const http_;
  const base::Clock* const clock_;
  base::Mutex mu_;
  base::CondVar changed_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_TOKEN_CACHE_H_
