// Files that commands write: complete or not at all.

#ifndef STEVEDORE_CLI_WHOLE_FILE_H_
#define STEVEDORE_CLI_WHOLE_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace stevedore::cli {

// Writes `text` to `path`. INVALID_ARGUMENT if something is there and `replace` is false; whatever
// fails, and whenever the process is killed, what was there stays. Thread-safe.
absl::Status WriteWholeFile(const std::string& path, const std::string& text, mode_t mode,
                            bool replace);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_WHOLE_FILE_H_
