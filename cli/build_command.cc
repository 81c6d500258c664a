#include <CLI/CLI.hpp>
#include <memory>

#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/local_build.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct BuildCommandFlags {
  BuildFlags build;
  std::string output = kDefaultOutput;
  int threads = 0;
};

}  // namespace

void AddBuildCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("build", "Build images here, in this process, into an image layout");
  const auto flags = std::make_shared<BuildCommandFlags>();
  AddSelectionFlags(*command, flags->build);
  AddRunFlags(*command, flags->build);
  command->add_option("--output", flags->output, "Where images go unless they are pushed")
      ->type_name("oci:DIR")
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads inside one image; 0: all cores")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  command->callback([&context, flags] {
    context.action = [&context, flags] {
      PrintNotices(*context.console, flags->build);
      if (flags->build.dry_run) {
        return PlanLocally(context, flags->build, flags->output, /*json=*/false);
      }
      return BuildLocally(context, flags->build, flags->output, flags->threads);
    };
  });
}

}  // namespace stevedore::cli
