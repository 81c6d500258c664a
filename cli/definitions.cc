#include "cli/definitions.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

// A file that is not there is a wrong command line or configuration, not a build that failed.
absl::Status AsUsage(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::InvalidArgumentError(status.message());
}

}  // namespace

absl::StatusOr<graph::Catalog> LoadDefinitions(
    const CommandContext& context, const std::map<std::string, std::string>& variables) {
  graph::ConfigurationSources sources = graph::ConfigurationSources::FromProcess();
  sources.file = context.config_path;
  sources.lenient = context.lenient;
  absl::StatusOr<graph::Configuration> configuration = graph::Configuration::Load(sources);
  if (!configuration.ok()) return AsUsage(configuration.status());
  for (const graph::Diagnostic& warning : configuration->warnings) {
    PrintWarning(*context.console, warning.ToString());
  }
  ASSIGN_OR_RETURN(graph::CatalogOptions options, graph::CatalogOptions::FromProcess());
  options.lenient = context.lenient;
  options.vars = variables;
  absl::StatusOr<graph::Catalog> catalog = graph::Catalog::Load(*configuration, options);
  if (!catalog.ok()) return AsUsage(catalog.status());
  for (const graph::Diagnostic& warning : catalog->warnings()) {
    PrintWarning(*context.console, warning.ToString());
  }
  return catalog;
}

}  // namespace stevedore::cli
