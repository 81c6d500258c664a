// Configuration files that `create configuration` and `initialize` write.

#ifndef STEVEDORE_CLI_CONFIGURATION_FILE_H_
#define STEVEDORE_CLI_CONFIGURATION_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/secret.h"
#include "graph/configuration.h"

namespace stevedore::cli {

// INVALID_ARGUMENT, naming the flag, for settings that no project can work with: empty paths, no
// concurrency, an unknown store or format. Thread-safe.
absl::Status CheckNewConfiguration(const graph::Configuration& configuration);

// The settings as YAML with comments, encryption key included: read back, they are the same.
// Thread-safe.
std::string ConfigurationFileText(const graph::Configuration& configuration);

// Writes a new file, or with `replace` over what is there; a reader sees all of it or nothing, and
// a crash leaves the old file. Readable by its owner only if it holds a key. INVALID_ARGUMENT if
// there is one already and `replace` is not set; other errors name the path. Thread-safe.
absl::Status WriteConfigurationFile(const std::string& path,
                                    const graph::Configuration& configuration, bool replace);

// 128 random bits as 32 hexadecimal digits.
absl::StatusOr<base::Secret> GenerateEncryptionKey();

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CONFIGURATION_FILE_H_
