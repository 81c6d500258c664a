// Versions as semver.org orders them.

#ifndef STEVEDORE_BASE_SEMANTIC_VERSION_H_
#define STEVEDORE_BASE_SEMANTIC_VERSION_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::base {

// A semantic version. Numbers are texts: they have no limit. A value.
struct SemanticVersion {
  std::string major, minor, patch;
  std::string pre_release;  // Behind `-`; empty if there is none.
  std::string build;        // Behind `+`; empty if there is none.
};

// Lenient: an optional `v`, one to three numbers without leading zeros (missing ones are 0),
// -pre-release, +build. `strict`: exactly what semver.org's 2.0.0 says. Nothing if `text` is not
// that. Thread-safe.
std::optional<SemanticVersion> ParseSemanticVersion(absl::string_view text, bool strict);

// Negative, 0 or positive: `a` comes before, with or after `b` in semver.org's precedence. Build
// metadata does not count. Both are valid. Thread-safe.
int CompareVersions(const SemanticVersion& a, const SemanticVersion& b);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_SEMANTIC_VERSION_H_
