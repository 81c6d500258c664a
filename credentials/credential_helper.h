// Programs that keep passwords for docker: docker-credential-NAME.

#ifndef STEVEDORE_CREDENTIALS_CREDENTIAL_HELPER_H_
#define STEVEDORE_CREDENTIALS_CREDENTIAL_HELPER_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "credentials/credential.h"

namespace stevedore::credentials {

// Reads what `docker-credential-NAME get` prints. The user name `<token>` makes the secret an
// identity token. INVALID_ARGUMENT, quoting nothing of it, if it is not such an answer.
// Thread-safe.
absl::StatusOr<Credential> ParseHelperAnswer(absl::string_view text);

// Runs credential helpers, and remembers what they answered for a while: minutes for a credential,
// as a registry is asked many times; seconds for none, so that a login counts soon. Thread-safe;
// equal questions at the same time run the program once.
class CredentialHelpers {
 public:
  // `clock` must outlive this. `time_limit`: helpers may ask a person to unlock a key.
  explicit CredentialHelpers(const base::Clock* clock = &base::Clock::System(),
                             absl::Duration time_limit = absl::Minutes(1))
      : clock_(clock), time_limit_(time_limit) {}

  // The credential that docker-credential-`helper` keeps for `server`, nullopt if it says that it
  // has none. Every other failure is an error that names helper, server and what it said.
  absl::StatusOr<std::optional<Credential>> Get(const std::string& helper,
                                                const std::string& server) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Gives it `credential` to keep. Errors as Get.
  absl::Status Store(const std::string& helper, const std::string& server,
                     const Credential& credential) const ABSL_LOCKS_EXCLUDED(mu_);

  // Makes it forget; having nothing to forget is fine. Errors as Get.
  absl::Status Erase(const std::string& helper, const std::string& server) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    bool running = false;
    bool known = false;
    absl::StatusOr<std::optional<Credential>> answer = std::optional<Credential>();
    absl::Duration expires_at;  // By Clock::SinceBoot.
  };
  using Key = std::pair<std::string, std::string>;  // Helper, server.

  absl::StatusOr<std::optional<Credential>> Ask(const std::string& helper,
                                                const std::string& server) const;
  void Forget(const std::string& helper, const std::string& server) const ABSL_LOCKS_EXCLUDED(mu_);

  const base::Clock* const clock_;
  const absl::Duration time_limit_;
  mutable base::Mutex mu_;
  mutable base::CondVar changed_;
  mutable std::map<Key, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_CREDENTIAL_HELPER_H_
