#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/plan_output.h"
#include "cli/remote_build.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct SubmitFlags {
  BuildFlags build;
  CoordinatorFlags coordinator;
  RemoteOptions remote;
  std::vector<std::string> outputs;
};

absl::StatusOr<ExitCode> Submit(CommandContext& context, const SubmitFlags& flags) {
  PrintNotices(*context.console, flags.build);
  ASSIGN_OR_RETURN(OutputFlags output, ReadOutputFlags(flags.outputs, /*graph=*/""));
  if (!output.place.empty() || (output.has_format && !flags.build.dry_run)) {
    return absl::InvalidArgumentError(
        "--output of submit is table, json or yaml, and for --dry-run: images go where their "
        "references say");
  }
  if (!flags.build.dry_run) {
    return BuildRemotely(context, flags.build, flags.coordinator, flags.remote);
  }
  output.plan.detailed = true;
  return PlanRemotely(context, flags.build, flags.coordinator, output.plan);
}

}  // namespace

void AddSubmitCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("submit", "Let a coordinator's workers build images, and wait");
  const auto flags = std::make_shared<SubmitFlags>();
  AddSelectionFlags(*command, flags->build);
  AddRunFlags(*command, flags->build);
  AddCoordinatorFlags(*command, flags->coordinator);
  command->add_flag("--detach", flags->remote.detach,
                    "Print the build's id and return; the build goes on when nobody watches");
  command->add_option("--priority", flags->remote.priority, "Share of workers among builds")
      ->check(CLI::Range(-100, 100))
      ->type_name("N");
  command
      ->add_option("--retry-failed", flags->remote.retry_failed,
                   "Further attempts for images whose recipe failed")
      ->check(CLI::Range(0, 10))
      ->type_name("N");
  CLI::Option* seal =
      command->add_flag("--seal-credentials", flags->remote.seal_credentials,
                        "Send the credentials that the build needs along, so that only the "
                        "queue's workers can read them");
  command
      ->add_option("--sealing-public-key", flags->remote.sealing_public_key,
                   "File with the key to seal to; default: the one that the coordinator names")
      ->envname("STEVEDORE_SEALING_PUBLIC_KEY")
      ->type_name("FILE");
  command
      ->add_option("--also-seal", flags->remote.also_seal,
                   "Registry or repository whose credentials are sealed too, e.g. of images in a "
                   "Dockerfile's FROM; repeatable")
      ->type_name("HOST[/PATH]")
      ->allow_extra_args(false)
      ->needs(seal);
  command->add_option("--output", flags->outputs, "The form of a --dry-run")
      ->allow_extra_args(false)
      ->type_name("table|json|yaml");
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Submit(context, *flags); };
  });
}

}  // namespace stevedore::cli
