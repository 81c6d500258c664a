// One entry of a credential store, as gostevedore writes it.

#ifndef STEVEDORE_CREDENTIALS_RECORD_H_
#define STEVEDORE_CREDENTIALS_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace stevedore::credentials {

// How a record is written. Both are read, whichever is configured.
enum class RecordFormat { kJson, kYaml };

// What a record proves an identity with. The first that a record has counts, in this order.
enum class RecordType {
  kUsernamePassword,
  kAwsStatic,
  kAwsRole,
  kAwsDefaultChain,
  kPrivateKeyFile,
  kSshAgent,
  kUnknown,
};

// All attributes that a record may have; those that are empty are not given. A value.
struct Record {
  // What it is looked up by: "registry.example.com:5000", or a name that definitions use.
  std::string id;
  std::string username;
  base::Secret password;
  std::string aws_access_key_id;
  base::Secret aws_secret_access_key;
  std::string aws_region;
  std::string aws_role_arn;
  std::string aws_profile;
  std::vector<std::string> aws_shared_credentials_files;
  std::vector<std::string> aws_shared_config_files;
  bool aws_use_default_credentials_chain = false;
  std::string private_key_file;
  base::Secret private_key_password;
  // The key itself, of a record that came sealed with a build: `private_key_file` is on another
  // machine then. Stores neither read nor write it.
  base::Secret private_key;
  std::string git_ssh_user;
  bool use_ssh_agent = false;

  // Deprecated keys that were found while reading; not written.
  std::vector<std::string> warnings;

  RecordType type() const;
};

// Reads a record: JSON if it begins with `{`, else YAML. Key names are matched without regard to
// letter case; the deprecated docker_login_username and docker_login_password count as username and
// password. INVALID_ARGUMENT with line and column for what does not parse, unknown keys and values
// of the wrong kind; no message quotes a value. Thread-safe.
absl::StatusOr<Record> ParseRecord(absl::string_view text);

// The record with every key, as gostevedore reads it. INVALID_ARGUMENT if a value is not UTF-8.
// Thread-safe.
absl::StatusOr<base::Secret> FormatRecord(const Record& record, RecordFormat format);

// INVALID_ARGUMENT if the record proves nothing; says which half is missing. Thread-safe.
absl::Status CheckComplete(const Record& record);

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_RECORD_H_
