#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/credential_commands.h"
#include "cli/images/image_commands.h"

namespace stevedore::cli {

void AddCommands(CLI::App& app, CommandContext& context) {
  app.add_option("-c,--config", context.config_path,
                 "Configuration file instead of the usual places")
      ->type_name("FILE");
  app.add_flag("--debug", context.debug, "Add error codes to messages");
  app.add_flag("--lenient", context.lenient,
               "Unknown keys in definitions are warnings, not errors");
  // Global flags may stand behind the command as well.
  app.fallthrough();
  app.require_subcommand(0, 1);
  AddBuildCommand(app, context);
  AddSubmitCommand(app, context);
  AddPlanCommand(app, context);
  AddWatchCommand(app, context);
  AddLogsCommand(app, context);
  AddCancelCommand(app, context);
  AddBuildsCommand(app, context);
  AddGetCommand(app, context);
  AddCreateCommand(app, context);
  AddInitializeCommand(app, context);
  AddValidateCommand(app, context);
  AddLintCommand(app, context);
  AddSchemaCommand(app, context);
  AddImportCommand(app, context);
  AddImageCommands(app, context);
  CLI::App* remove =
      app.add_subcommand("delete", "Delete images, or with a subcommand what is stored");
  AddDeleteCredentials(*remove->fallthrough(), context);
  AddDeleteImages(*remove, context);
  CLI::App* rotate = app.add_subcommand("rotate", "Replace secrets");
  AddRotateCredentials(*rotate->fallthrough(), context);
  CLI::App* migrate = app.add_subcommand("migrate", "Bring stored data to today's format");
  AddMigrateCredentials(*migrate->fallthrough(), context);
  AddLoginCommand(app, context);
  AddLogoutCommand(app, context);
  AddVersionCommand(app, context);
  AddCompletionCommand(app, context);
}

}  // namespace stevedore::cli
