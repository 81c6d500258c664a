#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/project_findings.h"
#include "graph/source_location.h"

namespace stevedore::cli {
namespace {

absl::StatusOr<ExitCode> Validate(CommandContext& context, const std::string& format) {
  ASSIGN_OR_RETURN(const ProjectFindings project, InspectProject(context, /*lint=*/false));
  if (format != "table") {
    context.console->Out(FormatFindings(project, format));
  } else {
    context.console->Err(FormatFindings(project, format));
    context.console->Out(SummaryOf(project));
  }
  return project.Count(graph::Severity::kError) > 0 ? ExitCode::kUsage : ExitCode::kOk;
}

}  // namespace

void AddValidateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "validate",
      "Check settings, definitions and contexts; print all errors with their places, exit with 2 "
      "if there are any");
  const auto format = std::make_shared<std::string>("table");
  command->add_option("--output", *format, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
  command->callback([&context, format] {
    context.action = [&context, format] { return Validate(context, *format); };
  });
}

}  // namespace stevedore::cli
