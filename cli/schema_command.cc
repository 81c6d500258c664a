#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/structured_output.h"
#include "graph/schema.h"

namespace stevedore::cli {

void AddSchemaCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "schema",
      "Print a JSON Schema (draft-07) of the files that you write, for editors with a YAML "
      "language server");
  const auto kind = std::make_shared<graph::SchemaKind>(graph::SchemaKind::kAll);
  const std::map<std::string, graph::SchemaKind> kinds = {
      {"all", graph::SchemaKind::kAll},
      {"configuration", graph::SchemaKind::kConfiguration},
      {"images", graph::SchemaKind::kImages},
      {"builders", graph::SchemaKind::kBuilders},
  };
  command->add_option("kind", *kind, "Which files; all: one file or several with any of it")
      ->transform(CLI::CheckedTransformer(kinds))
      ->type_name("all|configuration|images|builders");
  command->callback([&context, kind] {
    context.action = [&context, kind]() -> absl::StatusOr<ExitCode> {
      context.console->Out(ToJsonText(graph::SchemaOf(*kind)));
      return ExitCode::kOk;
    };
  });
}

}  // namespace stevedore::cli
