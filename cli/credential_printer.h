// Credential records as `get credentials` shows them.

#ifndef STEVEDORE_CLI_CREDENTIAL_PRINTER_H_
#define STEVEDORE_CLI_CREDENTIAL_PRINTER_H_

#include <string>
#include <vector>

#include "credentials/record.h"

namespace stevedore::cli {

// Whether secrets are printed.
enum class Secrets { kHide, kShow };

// Columns ID, TYPE and CREDENTIALS. Thread-safe.
std::string CredentialTable(const std::vector<credentials::Record>& records, Secrets secrets);
// One object per line, with the attributes that are set. Thread-safe.
std::string CredentialJson(const std::vector<credentials::Record>& records, Secrets secrets);
// The same as a YAML list. Thread-safe.
std::string CredentialYaml(const std::vector<credentials::Record>& records, Secrets secrets);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CREDENTIAL_PRINTER_H_
