#include <CLI/CLI.hpp>
#include <limits>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/definitions.h"
#include "graph/catalog.h"
#include "graph/image_instance.h"
#include "graph/selection.h"
#include "graph/source_location.h"

namespace stevedore::cli {
namespace {

std::string Count(size_t count, const std::string& what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// What only shows when images are put together as for a build: references that clash, tags that
// are none.
absl::Status CheckBuildOfAll(CommandContext& context, const graph::Catalog& catalog) {
  graph::SelectionRequest request;
  std::set<std::string> names;
  for (const graph::ImageInstance& image : catalog.instances()) {
    names.insert(image.definition_name);
    // Whether this version runs a driver is no question of right or wrong.
    if (image.has_builder()) request.runnable_drivers.insert(image.builder->driver);
  }
  if (names.empty()) return absl::OkStatus();
  request.names.assign(names.begin(), names.end());
  if (catalog.configuration().semantic_version_tags_enabled) {
    request.overrides.semver_templates = catalog.configuration().semantic_version_tags_templates;
    request.overrides.semver_strict = catalog.configuration().semantic_version_strict;
  }
  ASSIGN_OR_RETURN(const graph::Selection selection, graph::Selection::Create(catalog, request));
  for (const graph::Diagnostic& warning : selection.warnings) {
    PrintWarning(*context.console, warning.ToString());
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Validate(CommandContext& context) {
  ASSIGN_OR_RETURN(const graph::Catalog catalog,
                   LoadDefinitions(context, {}, std::numeric_limits<size_t>::max()));
  if (const absl::Status status = CheckBuildOfAll(context, catalog); !status.ok()) {
    return absl::InvalidArgumentError(status.message());
  }
  context.console->Out(absl::StrCat("no errors: ", Count(catalog.instances().size(), "image"), ", ",
                                    Count(catalog.wildcards().size(), "wildcard"), ", ",
                                    Count(catalog.builders().size(), "builder"), "\n"));
  return ExitCode::kOk;
}

}  // namespace

void AddValidateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "validate", "Check settings and definitions; print all errors with their places");
  command->callback([&context] { context.action = [&context] { return Validate(context); }; });
}

}  // namespace stevedore::cli
