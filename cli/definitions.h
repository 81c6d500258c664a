// The project that a command works on.

#ifndef STEVEDORE_CLI_DEFINITIONS_H_
#define STEVEDORE_CLI_DEFINITIONS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::cli {

// Reads configuration and definitions as the global flags and the environment say, and prints
// their warnings. `variables` are `.Vars` of templates. INVALID_ARGUMENT, with places, for what is
// wrong or not there.
absl::StatusOr<graph::Catalog> LoadDefinitions(
    const CommandContext& context, const std::map<std::string, std::string>& variables = {});

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_DEFINITIONS_H_
