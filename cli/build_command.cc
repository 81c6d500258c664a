#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/local_build.h"
#include "cli/plan_output.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct BuildCommandFlags {
  BuildFlags build;
  std::vector<std::string> outputs;
  int threads = 0;
};

absl::StatusOr<ExitCode> Build(CommandContext& context, const BuildCommandFlags& flags) {
  PrintNotices(*context.console, flags.build);
  ASSIGN_OR_RETURN(OutputFlags output, ReadOutputFlags(flags.outputs, /*graph=*/""));
  if (output.place.empty()) output.place = kDefaultOutput;
  if (flags.build.dry_run) {
    output.plan.detailed = true;
    return PlanLocally(context, flags.build, output.place, output.plan);
  }
  if (output.has_format) {
    return absl::InvalidArgumentError(
        "--output json, yaml and table are for --dry-run; the outcome of a build goes into "
        "--metadata-file FILE, its progress to --progress json");
  }
  return BuildLocally(context, flags.build, output.place, flags.threads);
}

}  // namespace

void AddBuildCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("build", "Build images here, in this process, into an image layout");
  const auto flags = std::make_shared<BuildCommandFlags>();
  AddSelectionFlags(*command, flags->build);
  AddRunFlags(*command, flags->build);
  command
      ->add_option("--output", flags->outputs,
                   "Where images go unless they are pushed; the form of a --dry-run")
      ->allow_extra_args(false)
      ->type_name("oci:DIR|table|json|yaml")
      ->default_str(kDefaultOutput);
  command->add_option("--threads", flags->threads, "Threads inside one image; 0: all cores")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Build(context, *flags); }; });
}

}  // namespace stevedore::cli
