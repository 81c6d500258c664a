#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/local_build.h"
#include "cli/plan_output.h"
#include "cli/remote_build.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct PlanFlags {
  BuildFlags build;
  CoordinatorFlags coordinator;
  std::vector<std::string> outputs;
  std::string graph;
};

absl::StatusOr<ExitCode> Plan(CommandContext& context, const PlanFlags& flags) {
  PrintNotices(*context.console, flags.build);
  // A format, or the place that `build --output` would write to.
  ASSIGN_OR_RETURN(OutputFlags output, ReadOutputFlags(flags.outputs, flags.graph));
  output.plan.detailed = flags.build.dry_run;
  if (!flags.coordinator.address.empty()) {
    return PlanRemotely(context, flags.build, flags.coordinator, output.plan);
  }
  return PlanLocally(context, flags.build, output.place.empty() ? kDefaultOutput : output.place,
                     output.plan);
}

}  // namespace

void AddPlanCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("plan", "Show what would be built, what reused, and why; changes nothing");
  const auto flags = std::make_shared<PlanFlags>();
  AddSelectionFlags(*command, flags->build);
  AddRunFlags(*command, flags->build);
  AddCoordinatorFlags(*command, flags->coordinator);
  command
      ->add_option("--output", flags->outputs,
                   "Format, or oci:DIR for the folder that `build` would write to")
      ->allow_extra_args(false)
      ->type_name("table|json|yaml|oci:DIR");
  command->add_option("--graph", flags->graph, "The plan as a picture, for Graphviz or Mermaid")
      ->type_name("dot|mermaid");
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Plan(context, *flags); }; });
}

}  // namespace stevedore::cli
