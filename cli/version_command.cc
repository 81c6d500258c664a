#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/version.h"

namespace stevedore::cli {

void AddVersionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("version", "Print which version this is");
  command->callback([&context] {
    context.action = [&context]() -> absl::StatusOr<ExitCode> {
      context.console->Out(absl::StrCat(VersionLine(), "\n"));
      return ExitCode::kOk;
    };
  });
}

}  // namespace stevedore::cli
