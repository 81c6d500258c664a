// How a plan or a dry run is shown: --output and --graph.

#ifndef STEVEDORE_CLI_PLAN_OUTPUT_H_
#define STEVEDORE_CLI_PLAN_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "cli/dry_run_printer.h"
#include "cli/external_parents.h"
#include "cli/plan_printer.h"

namespace stevedore::cli {

// The forms of a plan. A value.
struct PlanOutput {
  enum class Format { kTable, kJson, kYaml, kDot, kMermaid };
  Format format = Format::kTable;
  // All that images would be built from (--dry-run), not only what would happen.
  bool detailed = false;
};

// What `--output` and `--graph` of a command line mean. A value.
struct OutputFlags {
  PlanOutput plan;
  bool has_format = false;
  std::string place;  // As given ("oci:DIR"); empty: not given.
};

// `outputs`: every --output; `graph`: --graph, or empty. INVALID_ARGUMENT names the choices.
absl::StatusOr<OutputFlags> ReadOutputFlags(const std::vector<std::string>& outputs,
                                            const std::string& graph);

// Prints `plan` on standard output. Errors: credential stores that cannot be read, with `detailed`.
absl::Status PrintPlan(Console& console, const PlanOutput& output,
                       const SelectionWithParents& selected, const v1::PlanBuildResponse& plan,
                       const PlanSurroundings& surroundings, bool pushes,
                       const CredentialIdOf& credential_id);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLAN_OUTPUT_H_
