// Extra tags from semantic versions: 1.2.3 is also 1.2 and 1.

#ifndef STEVEDORE_GRAPH_SEMVER_TAGS_H_
#define STEVEDORE_GRAPH_SEMVER_TAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace stevedore::graph {

// What `templates` (over .Major .Minor .Patch .PreRelease .Build) make of each of `versions` that
// is a semantic version: each text once, in order of versions, then templates; without empty ones.
// INVALID_ARGUMENT, naming the template, if one does not parse or render. Thread-safe.
absl::StatusOr<std::vector<std::string>> SemverTags(const std::vector<std::string>& versions,
                                                    const std::vector<std::string>& templates,
                                                    bool strict);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SEMVER_TAGS_H_
