#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/follow.h"
#include "cli/interrupts.h"
#include "cli/progress_display.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct WatchFlags {
  CoordinatorFlags coordinator;
  std::string build_id;
  std::string progress = "auto";
};

absl::StatusOr<ExitCode> Watch(CommandContext& context, const WatchFlags& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style, ParseProgressStyle(flags.progress));
  ASSIGN_OR_RETURN(const std::unique_ptr<BuildClient> client, Connect(flags.coordinator));
  ASSIGN_OR_RETURN(FollowOptions options, ReadFollowOptions(flags.coordinator));
  options.cancel_on_stop = false;  // Who only looks does not end other people's builds.
  Interrupts interrupts(context.console);
  const std::unique_ptr<ProgressDisplay> display =
      CreateProgressDisplay(style, context.console, &base::Clock::System());
  ASSIGN_OR_RETURN(const BuildView build, Follow(*client, flags.build_id, nullptr, options,
                                                 display.get(), interrupts.token()));
  display->Finish(build);
  return ExitCodeOf(build);
}

}  // namespace

void AddWatchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("watch", "Show a submitted build until it has ended");
  const auto flags = std::make_shared<WatchFlags>();
  command->add_option("BUILD", flags->build_id, "Id of the build, as `builds` lists it")
      ->required();
  command->add_option("--progress", flags->progress, "How progress is shown")
      ->type_name("auto|tty|plain|json|quiet");
  AddCoordinatorFlags(*command, flags->coordinator);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Watch(context, *flags); }; });
}

}  // namespace stevedore::cli
