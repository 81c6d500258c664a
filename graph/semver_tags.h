// Extra tags from semantic versions: 1.2.3 is also 1.2 and 1.

#ifndef STEVEDORE_GRAPH_SEMVER_TAGS_H_
#define STEVEDORE_GRAPH_SEMVER_TAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::graph {

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

// What `templates` (over .Major .Minor .Patch .PreRelease .Build) make of each of `versions` that
// is a semantic version: each text once, in order of versions, then templates; without empty ones.
// INVALID_ARGUMENT, naming the template, if one does not parse or render. Thread-safe.
absl::StatusOr<std::vector<std::string>> SemverTags(const std::vector<std::string>& versions,
                                                    const std::vector<std::string>& templates,
                                                    bool strict);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SEMVER_TAGS_H_
