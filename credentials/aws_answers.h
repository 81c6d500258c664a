// What AWS's services answer, as far as identities are concerned.

#ifndef STEVEDORE_CREDENTIALS_AWS_ANSWERS_H_
#define STEVEDORE_CREDENTIALS_AWS_ANSWERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "credentials/aws_signature.h"

namespace stevedore::credentials {

// A password for a registry of ECR. A value.
struct EcrToken {
  std::string username;
  base::Secret password;
  absl::Time expires_at;
};

// Why a service refused. A value; both may be empty.
struct AwsError {
  std::string code;     // "AccessDeniedException"
  std::string message;  // Cut short by whoever shows it.
};

// All are thread-safe, return INVALID_ARGUMENT for what is not such an answer, and quote nothing.

// GetAuthorizationToken of ECR (a list of tokens, of which the first usable counts) and of ECR
// Public (one).
absl::StatusOr<EcrToken> ParseEcrAnswer(absl::string_view json);

// AssumeRole and AssumeRoleWithWebIdentity of STS.
absl::StatusOr<AwsKeys> ParseStsAnswer(absl::string_view xml);

// What the container endpoint, the instance metadata and `credential_process` say: AccessKeyId,
// SecretAccessKey, Token or SessionToken, Expiration.
absl::StatusOr<AwsKeys> ParseKeysAnswer(absl::string_view json);

// The error in an answer of any of them, JSON or XML; empty if there is none. `type_header` is
// X-Amzn-ErrorType, or "".
AwsError ParseAwsError(absl::string_view body, absl::string_view type_header);

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_AWS_ANSWERS_H_
