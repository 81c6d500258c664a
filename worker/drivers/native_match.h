// Patterns of file names, as Go's filepath.Match and Docker's ignore files have them.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_MATCH_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_MATCH_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker::native {

// INVALID_ARGUMENT for a pattern that no name can match because it is damaged: a `[` that nothing
// ends, an empty or reversed range, a `\` at the end. Thread-safe, as all here.
absl::Status CheckPattern(absl::string_view pattern);

// Whether all of `name` matches: `*` any letters but "/", `?` one of them, `[a-z]` and `[^a-z]`,
// `\` before a letter that stands for itself. A damaged pattern matches nothing.
bool MatchName(absl::string_view pattern, absl::string_view name);

// Whether `path` (relative, clean) is left out by `--exclude` patterns: each matches a path or a
// directory above it, `**` matches any number of directories, and a `!` before a pattern takes back
// what earlier ones said.
bool IsExcluded(const std::vector<std::string>& patterns, absl::string_view path);

// Whether a part of a path means more than itself.
bool HasWildcard(absl::string_view text);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_MATCH_H_
