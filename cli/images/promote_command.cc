#include <CLI/CLI.hpp>
#include <memory>

#include "cli/images/family_promotion_run.h"
#include "cli/images/image_commands.h"
#include "cli/images/promote_flags.h"
#include "cli/images/promote_run.h"

namespace stevedore::cli {

void AddPromoteCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("promote", "Copy an image: to other names, registries, folders, archives")
          ->alias("publish")
          ->alias("copy");
  const auto flags = std::make_shared<PromoteFlags>();
  AddPromoteFlags(*command, flags.get());
  command->callback([&context, flags] {
    context.action = [&context, flags] {
      const bool family = flags->cascade || !flags->images.empty();
      return family ? PromoteImagesOfTree(context, *flags) : Promote(context, *flags);
    };
  });
}

}  // namespace stevedore::cli
