#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/credential_commands.h"

namespace stevedore::cli {

void AddCreateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("create", "Store something new: settings, credentials")->alias("generate");
  command->fallthrough();
  AddCreateConfiguration(*command, context);
  AddCreateCredentials(*command, context);
  AddCreateSealingKey(*command, context);
}

}  // namespace stevedore::cli
