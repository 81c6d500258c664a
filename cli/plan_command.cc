#include <CLI/CLI.hpp>
#include <memory>

#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/local_build.h"
#include "cli/remote_build.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct PlanFlags {
  BuildFlags build;
  CoordinatorFlags coordinator;
  std::vector<std::string> outputs;
};

absl::StatusOr<ExitCode> Plan(CommandContext& context, const PlanFlags& flags) {
  PrintNotices(*context.console, flags.build);
  bool json = false;
  std::string place = kDefaultOutput;
  for (const std::string& output : flags.outputs) {
    // A format, or the place that `build --output` would write to.
    if (output == "json" || output == "table") {
      json = output == "json";
    } else {
      place = output;
    }
  }
  if (!flags.coordinator.address.empty()) {
    return PlanRemotely(context, flags.build, flags.coordinator, json);
  }
  return PlanLocally(context, flags.build, place, json);
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
      ->type_name("table|json|oci:DIR");
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Plan(context, *flags); }; });
}

}  // namespace stevedore::cli
