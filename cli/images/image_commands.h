// The commands that work on images wherever they are: one function for each, called by
// AddImageCommands. None needs project files or a daemon.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_

#include "cli/command.h"

namespace stevedore::cli {

// One line for each command (or family), in the order of the program's help. `context` must outlive
// the parse and the action.
void AddPromoteCommand(CLI::App& app, CommandContext& context);
void AddSyncCommand(CLI::App& app, CommandContext& context);

// Enters all of the above.
void AddImageCommands(CLI::App& app, CommandContext& context);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_
