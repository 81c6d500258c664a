#include "cli/images/image_commands.h"

#include <CLI/CLI.hpp>

namespace stevedore::cli {

void AddImageCommands(CLI::App& app, CommandContext& context) {
  AddInspectCommand(app, context);
  AddLsCommand(app, context);
  AddCatalogCommand(app, context);
  AddManifestCommand(app, context);
  AddConfigCommand(app, context);
  AddDigestCommand(app, context);
  AddBlobCommand(app, context);
  AddTagCommand(app, context);
  AddPromoteCommand(app, context);
  AddAppendCommand(app, context);
  AddMutateCommand(app, context);
  AddIndexCommand(app, context);
  AddAssembleCommand(app, context);
  AddRebaseCommand(app, context);
  AddSyncCommand(app, context);
  AddCompleteCommand(app, context);
  AddExportCommand(app, context);
  AddFlattenCommand(app, context);
  AddFromDirCommand(app, context);
}

}  // namespace stevedore::cli
