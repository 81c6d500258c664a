// One request to a registry, with all that surrounds it: endpoint, identity, redirects, repetition.

#ifndef STEVEDORE_TRANSFER_REGISTRY_SESSION_H_
#define STEVEDORE_TRANSFER_REGISTRY_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "credentials/credential.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "http/headers.h"
#include "http/url.h"
#include "oci/image/reference.h"
#include "transfer/challenge.h"
#include "transfer/host_settings.h"
#include "transfer/registry_options.h"
#include "transfer/token_cache.h"

namespace stevedore::transfer {

// A request in the terms of the distribution protocol. Plain data.
struct Call {
  oci::Reference repository;  // Where; of a call to "/v2/" itself only the registry counts.
  std::string method = "GET";
  // From "/v2/" on, or the absolute URL that the registry named as the place of an upload.
  std::string url = "";
  http::Headers headers = {};
  std::string body = "";
  base::ByteSource* body_source = nullptr;  // As http::Request; such a call is not repeated here.
  uint64_t body_size = 0;
  bool whole_registry = false;  // The call is about no repository.
  std::string scope = "";       // What a call to the whole registry needs: "registry:catalog:*".
  bool push = false;            // Needs more than reading.
  std::string also_pull = "";   // A second repository that is read.
  // For the whole exchange, its body included: documents have one.
  absl::Duration total_timeout = absl::InfiniteDuration();
  // False: a mirror, which is not worth a second try.
  bool patient = true;
  std::stop_token stop = {};
};

// A begun answer, and what its refusal would mean. Move-only.
struct Answer {
  std::unique_ptr<http::Exchange> exchange;
  http::Url url;  // Who answered, after redirects.
  std::optional<credentials::Credential> credential = std::nullopt;
  bool identity_accepted = false;  // As ErrorContext.

  int status() const { return exchange->status(); }
};

// The repetitions of one operation. Not thread-safe.
class Retries {
 public:
  // `options` must outlive this.
  Retries(const RegistryClientOptions* options, int limit);

  // Waits, as long as `hint` says or else with growing jitter; false if there is no further
  // attempt, or `stop` was requested.
  bool Again(std::optional<absl::Duration> hint, std::stop_token stop);
  // The operation got further: it starts counting anew.
  void Restart();
  int attempts() const { return attempts_; }

 private:
  const RegistryClientOptions* const options_;
  const int limit_;
  int used_ = 0, attempts_ = 1;
  std::optional<base::Backoff> backoff_;  // Always set; optional as it cannot be assigned.
};

// Sends calls. Thread-safe.
class RegistrySession {
 public:
  // `http` and `credentials` must outlive the session.
  RegistrySession(http::Client* http, const credentials::CredentialStore* credentials,
                  RegistryClientOptions options);

  const RegistryClientOptions& options() const { return options_; }

  // The answer to `call`, whatever its status, after authenticating, following redirects of reads
  // within CheckTarget's rules, and repeating after passing failures. Calls with a `body_source`
  // are sent once: passing statuses are then returned, and a 401 is too, after which a repetition
  // will carry a new token. UNAVAILABLE if the registry cannot be reached or keeps failing.
  absl::StatusOr<Answer> Perform(const Call& call) ABSL_LOCKS_EXCLUDED(mu_);

  // As Perform, but sent once and given up after `limit`: for tidying up, where failing is no harm.
  absl::StatusOr<Answer> PerformOnce(const Call& call, absl::Duration limit)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The error that an unwanted `answer` to `call` means; reads its body.
  absl::Status Refusal(const Call& call, Answer& answer) const;

  // The absolute URL that a Location header of `answer` names. INTERNAL if there is none,
  // PERMISSION_DENIED if it leads where it must not.
  absl::StatusOr<std::string> Location(const Answer& answer) const;

  // Where `image` may be read from: its mirrors, but for those that failed lately, then its own
  // place. FAILED_PRECONDITION if its registry is blocked, and what finding settings says.
  absl::StatusOr<std::vector<oci::Reference>> Places(const oci::Reference& image)
      ABSL_LOCKS_EXCLUDED(mu_);
  // `place`, a mirror, answered with `status`: unless it merely has not got something, others are
  // asked for a while. Says so in the log.
  void MirrorFailed(const oci::Reference& place, const absl::Status& status)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Endpoint {
    http::Url base;
    http::TlsOptions tls;
    std::vector<std::string> token_hosts;
    // Nobody said how this machine's registry is spoken to.
    bool plain_is_a_guess = false;
  };
  // How a registry wants to know who we are.
  struct Recipe {
    std::string scheme;  // "", "basic", "bearer"
    std::string realm, service;
  };
  // What one attempt authenticates with.
  struct Identity {
    std::optional<credentials::Credential> credential;
    std::string authorization;  // Empty: anonymous.
    std::optional<TokenRequest> token_request;
  };

  absl::StatusOr<Endpoint> FindEndpoint(const oci::Reference& repository, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<HostSettings> Settings(const oci::Reference& repository) ABSL_LOCKS_EXCLUDED(mu_);
  bool AnswersTls(const std::string& host, const http::TlsOptions& tls, std::stop_token stop)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Answer> Attempt(const Call& call, const Endpoint& endpoint,
                                 absl::Duration limit = absl::InfiniteDuration())
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Answer> Send(const Call& call, const Endpoint& endpoint, const Identity& identity,
                              absl::Duration limit) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Identity> Identify(const Call& call, const Endpoint& endpoint)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Learn(const Call& call, const Answer& answer) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> Scopes(const Call& call) ABSL_LOCKS_EXCLUDED(mu_);
  void ShowWarnings(const Call& call, const http::Headers& headers) ABSL_LOCKS_EXCLUDED(mu_);
  int RetryLimit(const Call& call) ABSL_LOCKS_EXCLUDED(mu_);

  http::Client* const http_;
  const credentials::CredentialStore* const credentials_;
  const RegistryClientOptions options_;
  TokenCache tokens_;

  base::Mutex mu_;
  std::map<std::string, Recipe> recipes_ ABSL_GUARDED_BY(mu_);            // By registry.
  std::map<std::string, std::string> extra_scopes_ ABSL_GUARDED_BY(mu_);  // By registry and scope.
  std::map<std::string, bool> answers_tls_ ABSL_GUARDED_BY(mu_);          // By host.
  std::set<std::string> answered_ ABSL_GUARDED_BY(mu_);  // Registries that answered at least once.
  std::set<std::string> warnings_shown_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, HostSettings> settings_ ABSL_GUARDED_BY(mu_);  // By registry.
  // Mirrors and until when, by Clock::SinceBoot, they are not asked.
  std::map<std::string, absl::Duration> failed_mirrors_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_SESSION_H_
