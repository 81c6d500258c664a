// Where the program keeps what it may lose.

#ifndef STEVEDORE_CLI_CACHE_DIRECTORY_H_
#define STEVEDORE_CLI_CACHE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::cli {

// "$XDG_CACHE_HOME/stevedore", else "$HOME/.cache/stevedore", made if it is not there. Everything
// in it may be deleted at any time. FAILED_PRECONDITION if neither variable is set.
absl::StatusOr<std::string> CacheDirectory();

// Path of the file in `cache_directory` that remembers the results of embedded builds into
// `place` (an absolute folder, or "registry"): results of one place say nothing about another.
std::string ResultsFile(absl::string_view cache_directory, absl::string_view place);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CACHE_DIRECTORY_H_
