// What `validate` and `lint` find in a project, and how they show it.

#ifndef STEVEDORE_CLI_PROJECT_FINDINGS_H_
#define STEVEDORE_CLI_PROJECT_FINDINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/command.h"
#include "graph/source_location.h"

namespace stevedore::cli {

// Everything that was found, and how much was looked at. A value.
struct ProjectFindings {
  // By place; each has a code.
  std::vector<graph::Diagnostic> findings;
  size_t images = 0;
  size_t wildcards = 0;
  size_t builders = 0;

  size_t Count(graph::Severity severity) const;
};

// Looks at configuration, definitions, contexts and, with `lint`, at habits too, as the global
// flags and the environment say. Never stops at an error. INVALID_ARGUMENT only for an environment
// that is no use (SOURCE_DATE_EPOCH).
absl::StatusOr<ProjectFindings> InspectProject(const CommandContext& context, bool lint);

// What the credential store of a project holds in clear text or weakly encrypted, from the texts of
// its entries: names (file or variable) to content. `where` is its place. Thread-safe.
std::vector<graph::Diagnostic> LintCredentials(
    const graph::SourceLocation& where,
    absl::Span<const std::pair<std::string, std::string>> entries);

// `format` is table, json or yaml. A table has one finding per line:
// "stevedore.yaml:3:1: warning SV101: ...". Thread-safe.
std::string FormatFindings(const ProjectFindings& project, absl::string_view format);

// "2 errors, 1 warning, 3 notes in 4 images, ..."; "no errors" and the like. Thread-safe.
std::string SummaryOf(const ProjectFindings& project);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PROJECT_FINDINGS_H_
