// Credentials that go with a submission, readable by workers only.

#ifndef STEVEDORE_CLI_SEALED_SUBMISSION_H_
#define STEVEDORE_CLI_SEALED_SUBMISSION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "credentials/bundle.h"
#include "credentials/credential_store.h"
#include "credentials/record_store.h"
#include "credentials/sealing.h"

namespace stevedore::coordinator {
struct Submission;
}  // namespace stevedore::coordinator

namespace stevedore::cli {

// What CollectCredentials looks at besides the images.
struct CredentialNeeds {
  // Ids that contexts and driver options name: git, build secrets.
  std::vector<std::string> ids;
  // Repository that workers fetch contexts from, if there are any: "host:port/name".
  std::string artifact_repository;
  // What cannot be seen here, such as images in a Dockerfile: "host[/namespace[/name]]".
  std::vector<std::string> further;
};

// The credentials that the workers of `submission` need, and no others: for the repositories of its
// images, their parents elsewhere and its contexts; each may be used for these repositories only (a
// registry with more than 1,000 of them: for the whole registry). Repositories without a credential
// are left out: they are asked anonymously, or with what the worker has. Records by id come with
// the content of their key file. NOT_FOUND for an id or a `further` that the stores do not have,
// FAILED_PRECONDITION for what cannot travel (an SSH agent); errors of the stores. Thread-safe.
absl::StatusOr<credentials::CredentialBundle> CollectCredentials(
    const coordinator::Submission& submission, const CredentialNeeds& needs,
    const credentials::CredentialStore& logins, const credentials::RecordStore* records);

// Every text under a key `credentials_id` in options of a driver (a JSON object), sorted.
std::vector<std::string> CredentialIdsOf(const std::string& options_json);

// The key to seal to: that of `file`, else `from_coordinator`. FAILED_PRECONDITION if there is
// neither, INVALID_ARGUMENT, naming the file, if it holds none.
absl::StatusOr<credentials::SealingPublicKey> ReadSealingKey(const std::string& file,
                                                             const std::string& from_coordinator);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_SEALED_SUBMISSION_H_
