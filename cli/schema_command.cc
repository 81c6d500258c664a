#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/images/sync_file.h"
#include "cli/structured_output.h"
#include "graph/schema.h"

namespace stevedore::cli {
namespace {

graph::SchemaKind KindOf(const std::string& name) {
  if (name == "configuration") return graph::SchemaKind::kConfiguration;
  if (name == "images") return graph::SchemaKind::kImages;
  if (name == "builders") return graph::SchemaKind::kBuilders;
  return graph::SchemaKind::kAll;
}

}  // namespace

void AddSchemaCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "schema",
      "Print a JSON Schema (draft-07) of the files that you write, for editors with a YAML "
      "language server");
  const auto kind = std::make_shared<std::string>("all");
  command
      ->add_option(
          "kind", *kind,
          "Which files; all: one file or several that describe a project; sync: jobs for the "
          "command of that name")
      ->check(CLI::IsMember({"all", "configuration", "images", "builders", "sync"}))
      ->type_name("all|configuration|images|builders|sync");
  command->callback([&context, kind] {
    context.action = [&context, kind]() -> absl::StatusOr<ExitCode> {
      context.console->Out(
          ToJsonText(*kind == "sync" ? SyncFileSchema() : graph::SchemaOf(KindOf(*kind))));
      return ExitCode::kOk;
    };
  });
}

}  // namespace stevedore::cli
