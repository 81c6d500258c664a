#include "cli/images/image_commands.h"

#include <CLI/CLI.hpp>

namespace stevedore::cli {

void AddImageCommands(CLI::App& app, CommandContext& context) {
  AddPromoteCommand(app, context);
  AddSyncCommand(app, context);
}

}  // namespace stevedore::cli
