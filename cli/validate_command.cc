#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/images/validate_image_command.h"
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
      "if there are any. With an image: read all of it, compute every digest again, exit with 1 if "
      "it is broken");
  const auto flags = std::make_shared<ValidateImageFlags>();
  AddValidateImageFlags(*command, flags.get());
  command->callback([&context, flags] {
    context.action = [&context, flags]() -> absl::StatusOr<ExitCode> {
      if (flags->wanted()) return ValidateImage(context, *flags);
      return Validate(context, flags->images.output);
    };
  });
}

}  // namespace stevedore::cli
