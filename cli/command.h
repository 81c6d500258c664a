// What every command of the program is given, and how it is entered in the command line's grammar.

#ifndef STEVEDORE_CLI_COMMAND_H_
#define STEVEDORE_CLI_COMMAND_H_

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "cli/exit_code.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

class CommandLog;

// What a command starts from. Filled while the command line is parsed; lives as long as the command
// runs.
struct CommandContext {
  Console* console = nullptr;
  // Global flags.
  std::string config_path;  // Empty: the usual places.
  bool debug = false;
  bool lenient = false;
  // Opened as soon as settings say where it is. May be null.
  CommandLog* log = nullptr;
  // What the parsed command line asks for. A command that returns an error has printed nothing
  // about it.
  absl::AnyInvocable<absl::StatusOr<ExitCode>()> action;
};

// Each adds one command (or a family) to `app`. `context` must outlive the parse and the action.
void AddBuildCommand(CLI::App& app, CommandContext& context);
void AddSubmitCommand(CLI::App& app, CommandContext& context);
void AddPlanCommand(CLI::App& app, CommandContext& context);
void AddWatchCommand(CLI::App& app, CommandContext& context);
void AddLogsCommand(CLI::App& app, CommandContext& context);
void AddCancelCommand(CLI::App& app, CommandContext& context);
void AddBuildsCommand(CLI::App& app, CommandContext& context);
void AddGetCommand(CLI::App& app, CommandContext& context);
void AddCreateCommand(CLI::App& app, CommandContext& context);
void AddInitializeCommand(CLI::App& app, CommandContext& context);
void AddValidateCommand(CLI::App& app, CommandContext& context);
void AddLintCommand(CLI::App& app, CommandContext& context);
void AddSchemaCommand(CLI::App& app, CommandContext& context);
void AddLoginCommand(CLI::App& app, CommandContext& context);
void AddLogoutCommand(CLI::App& app, CommandContext& context);
void AddImportCommand(CLI::App& app, CommandContext& context);
void AddVersionCommand(CLI::App& app, CommandContext& context);
void AddCompletionCommand(CLI::App& app, CommandContext& context);

// Adds `configuration` to `create`.
void AddCreateConfiguration(CLI::App& create, CommandContext& context);

// Enters all of the above and the global flags.
void AddCommands(CLI::App& app, CommandContext& context);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_COMMAND_H_
