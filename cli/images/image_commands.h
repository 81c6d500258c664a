// The commands that work on images wherever they are: one function for each, called by
// AddImageCommands. None needs project files or a daemon.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_

#include "cli/command.h"

namespace stevedore::cli {

// One line for each command (or family), in the order of the program's help. `context` must outlive
// the parse and the action.
void AddInspectCommand(CLI::App& app, CommandContext& context);
void AddLsCommand(CLI::App& app, CommandContext& context);
void AddCatalogCommand(CLI::App& app, CommandContext& context);
void AddManifestCommand(CLI::App& app, CommandContext& context);
void AddConfigCommand(CLI::App& app, CommandContext& context);
void AddDigestCommand(CLI::App& app, CommandContext& context);
void AddBlobCommand(CLI::App& app, CommandContext& context);
void AddTagCommand(CLI::App& app, CommandContext& context);
void AddPromoteCommand(CLI::App& app, CommandContext& context);
void AddAppendCommand(CLI::App& app, CommandContext& context);
void AddMutateCommand(CLI::App& app, CommandContext& context);
void AddIndexCommand(CLI::App& app, CommandContext& context);
void AddAssembleCommand(CLI::App& app, CommandContext& context);
void AddRebaseCommand(CLI::App& app, CommandContext& context);
void AddSyncCommand(CLI::App& app, CommandContext& context);
// Hidden: what completion scripts call.
void AddCompleteCommand(CLI::App& app, CommandContext& context);

// Makes `delete IMAGE...` of the command `delete`, which may have subcommands.
void AddDeleteImages(CLI::App& remove, CommandContext& context);
void AddExportCommand(CLI::App& app, CommandContext& context);
void AddFlattenCommand(CLI::App& app, CommandContext& context);
void AddFromDirCommand(CLI::App& app, CommandContext& context);

// Enters all of the above.
void AddImageCommands(CLI::App& app, CommandContext& context);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_COMMANDS_H_
