#include "cli/images/image_commands.h"

#include <CLI/CLI.hpp>

namespace stevedore::cli {

void AddImageCommands(CLI::App&, CommandContext&) {}

}  // namespace stevedore::cli
