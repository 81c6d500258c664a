// The credentials of a program: one way to put the stores together, for all of them.

#ifndef STEVEDORE_CREDENTIALS_OPEN_CREDENTIALS_H_
#define STEVEDORE_CREDENTIALS_OPEN_CREDENTIALS_H_

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "credentials/credential_store.h"
#include "credentials/record_store.h"
#include "http/client.h"

namespace stevedore::credentials {

// What OpenCredentials puts together. Plain data.
struct CredentialSettings {
  // Asked first: the store of the project or of the worker; null: there is none. Its records may be
  // user names with passwords, or of AWS. Must outlive the result.
  const RecordStore* records = nullptr;
  // Speaks to AWS. Must outlive the result.
  http::Client* http = nullptr;
  // Variables that say where Docker's configuration is and what AWS's settings are.
  std::map<std::string, std::string> environment = {};
  // Must outlive the result.
  const base::Clock* clock = &base::Clock::System();
};

// NAME to value of this process's variables. Not while another thread changes them.
std::map<std::string, std::string> ProcessEnvironment();

// `settings.records` first (records of AWS become tokens of ECR, which are kept until shortly
// before they expire), then the files and credential helpers of Docker and Podman. The result is
// thread-safe; one per process is enough, and shares its tokens.
std::unique_ptr<CredentialStore> OpenCredentials(CredentialSettings settings);

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_OPEN_CREDENTIALS_H_
