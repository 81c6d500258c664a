#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/project_findings.h"
#include "graph/source_location.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct LintFlags {
  std::string format = "table";
  bool strict = false;
};

absl::StatusOr<ExitCode> Lint(CommandContext& context, const LintFlags& flags) {
  ASSIGN_OR_RETURN(const ProjectFindings project, InspectProject(context, /*lint=*/true));
  context.console->Out(FormatFindings(project, flags.format));
  if (flags.format == "table") context.console->Out(SummaryOf(project));
  const bool bad = project.Count(graph::Severity::kError) > 0 ||
                   (flags.strict && project.Count(graph::Severity::kWarning) > 0);
  return bad ? ExitCode::kUsage : ExitCode::kOk;
}

}  // namespace

void AddLintCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "lint",
      "Report what in the project's files is broken, deprecated, unsafe or not as in gostevedore; "
      "exit with 2 if something is broken");
  const auto flags = std::make_shared<LintFlags>();
  command->add_option("--output", flags->format, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
  command->add_flag("--strict", flags->strict, "Exit with 2 for warnings too");
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Lint(context, *flags); }; });
}

}  // namespace stevedore::cli
