#include "cli/definitions.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command_log.h"

namespace stevedore::cli {
namespace {

// A file that is not there is a wrong command line or configuration, not a build that failed.
absl::Status AsUsage(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::InvalidArgumentError(status.message());
}

}  // namespace

absl::StatusOr<graph::Configuration> LoadConfiguration(const CommandContext& context) {
  graph::ConfigurationSources sources = graph::ConfigurationSources::FromProcess();
  sources.file = context.config_path;
  sources.lenient = context.lenient;
  absl::StatusOr<graph::Configuration> configuration = graph::Configuration::Load(sources);
  if (!configuration.ok()) return AsUsage(configuration.status());
  if (context.log != nullptr && !configuration->log_path.empty()) {
    RETURN_IF_ERROR(context.log->Open(configuration->log_path));
  }
  for (const graph::Diagnostic& warning : configuration->warnings) {
    PrintWarning(*context.console, warning.ToString());
  }
  return configuration;
}

absl::StatusOr<graph::Catalog> LoadDefinitions(const CommandContext& context,
                                               const std::map<std::string, std::string>& variables,
                                               size_t shown_errors) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
  ASSIGN_OR_RETURN(graph::CatalogOptions options, graph::CatalogOptions::FromProcess());
  options.lenient = context.lenient;
  options.vars = variables;
  options.shown_errors = shown_errors;
  absl::StatusOr<graph::Catalog> catalog = graph::Catalog::Load(configuration, options);
  if (!catalog.ok()) return AsUsage(catalog.status());
  for (const graph::Diagnostic& warning : catalog->warnings()) {
    PrintWarning(*context.console, warning.ToString());
  }
  return catalog;
}

}  // namespace stevedore::cli
