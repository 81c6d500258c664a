// AWS's shared files: ~/.aws/config and ~/.aws/credentials.

#ifndef STEVEDORE_CREDENTIALS_AWS_PROFILES_H_
#define STEVEDORE_CREDENTIALS_AWS_PROFILES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace stevedore::credentials {

// One profile: settings by lower-case name, and the file that began it. A value.
struct AwsProfile {
  std::map<std::string, base::Secret> settings;
  std::string file;

  // The value of `name`, or "".
  std::string Get(const std::string& name) const;
};

// The profiles of several files. A value.
class AwsProfiles {
 public:
  // How sections are named: `[profile ci]` in a config file, `[ci]` in a credentials file.
  enum class Kind { kConfig, kCredentials };

  // Adds what `text` of file `name` holds; settings of a profile that is there already are
  // replaced, so credentials files go last. INVALID_ARGUMENT with file and line for what is not a
  // section or a setting; no message quotes a value.
  absl::Status Add(absl::string_view text, const std::string& name, Kind kind);

  // Reads a file and adds it. `required`: that there is none is then an error.
  absl::Status AddFile(const std::string& path, Kind kind, bool required);

  // Null if there is no such profile.
  const AwsProfile* Find(const std::string& name) const;
  // Names of all profiles, sorted.
  std::vector<std::string> Names() const;

 private:
  std::map<std::string, AwsProfile> profiles_;
};

// The words of a `credential_process` line: blanks separate, quotes and backslashes keep them.
// INVALID_ARGUMENT if a quote does not end or there is no word. Thread-safe.
absl::StatusOr<std::vector<std::string>> SplitCommandLine(absl::string_view line);

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_AWS_PROFILES_H_
