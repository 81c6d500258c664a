// Passwords for Amazon ECR.

#ifndef STEVEDORE_CREDENTIALS_ECR_H_
#define STEVEDORE_CREDENTIALS_ECR_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "credentials/aws_answers.h"
#include "credentials/aws_service.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {

// What the name of a registry of ECR says. A value.
struct EcrHost {
  std::string region;
  bool fips = false;
  bool is_public = false;  // public.ecr.aws
};

// "123456789012.dkr.ecr.eu-west-1.amazonaws.com" in parts; nullopt for other names. Thread-safe.
std::optional<EcrHost> ParseEcrHost(absl::string_view registry);

// Trades records of AWS for ECR's passwords, which are kept until shortly before they expire.
// Requests for the same at the same time are one call. Thread-safe.
class EcrExchange final : public RecordExchange {
 public:
  explicit EcrExchange(AwsSettings settings) : service_(std::move(settings)) {}

  // nullopt for records that are not of AWS. Errors are those of AwsIdentity and AwsService; one is
  // repeated for some seconds to everybody who asks, without asking AWS again.
  absl::StatusOr<std::optional<Credential>> Exchange(const Record& record,
                                                     absl::string_view registry,
                                                     absl::string_view origin) const override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    bool fetching = false;
    absl::StatusOr<EcrToken> token = EcrToken();
    absl::Time good_until = absl::InfinitePast();
  };

  absl::StatusOr<EcrToken> Fetch(const Record& record, absl::string_view registry) const;
  absl::StatusOr<EcrToken> Cached(const Record& record, absl::string_view registry) const
      ABSL_LOCKS_EXCLUDED(mu_);

  mutable AwsService service_;
  mutable base::Mutex mu_;
  mutable base::CondVar changed_;
  mutable std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_ECR_H_
