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

// Reads the configuration as the global flags and the environment say, and prints its warnings.
// INVALID_ARGUMENT, with places, for what is wrong or not there.
absl::StatusOr<graph::Configuration> LoadConfiguration(const CommandContext& context);

// Reads configuration and definitions as the global flags and the environment say, and prints
// their warnings. `variables` are `.Vars` of templates. INVALID_ARGUMENT, with places, for what is
// wrong or not there: the first `shown_errors` of it.
absl::StatusOr<graph::Catalog> LoadDefinitions(
    const CommandContext& context, const std::map<std::string, std::string>& variables = {},
    size_t shown_errors = 20);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_DEFINITIONS_H_
