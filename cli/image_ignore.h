// Which ignore file counts for an image.

#ifndef STEVEDORE_CLI_IMAGE_IGNORE_H_
#define STEVEDORE_CLI_IMAGE_IGNORE_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "context/ignore_rules.h"
#include "context/tree.h"
#include "graph/resolved_image.h"

namespace stevedore::cli {

// Git contexts that were read, by graph::ContextName.
using GitTrees = std::map<std::string, std::shared_ptr<const context::Tree>>;

// The rules for all contexts of `image`: those of `<dockerfile>.dockerignore` in the last context
// that has one, else of `.dockerignore` in the last that has one. Dockerfile, playbook and the
// ignore file itself are always kept. Empty if there is no such file. INVALID_ARGUMENT with image,
// file and line for a file that is wrong; errors of reading it. Thread-safe.
absl::StatusOr<context::IgnoreRules> IgnoreRulesOf(const graph::ResolvedImage& image,
                                                   const GitTrees& git_trees);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGE_IGNORE_H_
