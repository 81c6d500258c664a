#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/completion.h"

namespace stevedore::cli {

void AddCompletionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "completion",
      "Print a completion script for a shell\nbash: source <(stevedore-cli completion bash)");
  CLI::App* const root = &app;
  const auto add = [&](const char* shell, auto generate) {
    command->add_subcommand(shell, std::string("Completion for ") + shell)
        ->callback([&context, root, generate] {
          context.action = [&context, root, generate]() -> absl::StatusOr<ExitCode> {
            context.console->Out(generate("stevedore-cli", DescribeCommands(*root)));
            return ExitCode::kOk;
          };
        });
  };
  add("bash", BashCompletion);
  add("zsh", ZshCompletion);
  add("fish", FishCompletion);
  command->require_subcommand(1);
}

}  // namespace stevedore::cli
