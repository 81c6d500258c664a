#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/import_file.h"
#include "cli/whole_file.h"
#include "graph/configuration.h"
#include "graph/import/bake.h"
#include "graph/import/compose.h"
#include "graph/import/compose_values.h"
#include "graph/import/definitions_writer.h"

namespace stevedore::cli {
namespace {

// Values of the flags of both importers.
struct ImportFlags {
  std::string file;
  std::string output_file;
  std::string env_file;
  bool force = false;
};

absl::StatusOr<std::string> ReadInput(const std::string& file) {
  absl::StatusOr<std::string> text = base::ReadFile(file == "-" ? "/dev/stdin" : file);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  return text;
}

absl::StatusOr<ExitCode> WriteDefinitions(CommandContext& context, const ImportFlags& flags,
                                          graph::ImportedFile file, const std::string& source) {
  ASSIGN_OR_RETURN(const graph::ImportedDefinitions definitions,
                   graph::ToDefinitions(std::move(file)));
  const std::string text = ImportFileText(definitions, source);
  RETURN_IF_ERROR(graph::CheckImportedText(
      flags.output_file.empty() ? "imported definitions" : flags.output_file, text));
  if (!flags.output_file.empty()) {
    RETURN_IF_ERROR(WriteWholeFile(flags.output_file, text, 0644, flags.force));
  }
  for (const graph::ImportNote& note : definitions.notes) {
    PrintWarning(*context.console, absl::StrCat(note.place, ": ", note.text));
  }
  if (flags.output_file.empty()) {
    context.console->Out(text);
    return ExitCode::kOk;
  }
  const size_t images = definitions.document["images"].size();
  context.console->Err(absl::StrCat("wrote ", images, images == 1 ? " image" : " images", " to ",
                                    flags.output_file,
                                    "; set images_path and builders_path to it\n"));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> ImportBake(CommandContext& context, const ImportFlags& flags) {
  ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.file));
  const std::string name = flags.file == "-" ? "(standard input)" : flags.file;
  ASSIGN_OR_RETURN(graph::ImportedFile file, graph::ReadBake(name, text));
  return WriteDefinitions(context, flags, std::move(file), absl::StrCat(name, " (bake)"));
}

absl::StatusOr<ExitCode> ImportCompose(CommandContext& context, const ImportFlags& flags) {
  ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.file));
  const std::string name = flags.file == "-" ? "compose.yaml" : flags.file;
  graph::ComposeSources sources;
  sources.variables = graph::ConfigurationSources::FromProcess().environment;
  std::string env_file = flags.env_file;
  if (env_file.empty()) {
    const size_t slash = name.rfind('/');
    env_file = slash == std::string::npos ? ".env" : base::JoinPath(name.substr(0, slash), ".env");
  }
  if (!flags.env_file.empty() || base::Exists(env_file)) {
    ASSIGN_OR_RETURN(const std::string variables, ReadInput(env_file));
    ASSIGN_OR_RETURN(auto more, graph::ParseEnvFile(env_file, variables));
    sources.variables.merge(more);
  }
  sources.read_file = [](const std::string& path) { return base::ReadFile(path); };
  ASSIGN_OR_RETURN(graph::ImportedFile file, graph::ReadCompose(name, text, sources));
  return WriteDefinitions(context, flags, std::move(file), absl::StrCat(name, " (compose)"));
}

// One of the two above.
using Importer = absl::StatusOr<ExitCode> (*)(CommandContext&, const ImportFlags&);

CLI::App* AddImporter(CLI::App& import, CommandContext& context,
                      const std::shared_ptr<ImportFlags>& flags, const char* name,
                      const char* description, Importer importer) {
  CLI::App* command = import.add_subcommand(name, description);
  command->add_option("FILE", flags->file, "The file; - for standard input")->required();
  command->add_option("-o,--output-file", flags->output_file, "Write to it; default: print")
      ->type_name("FILE");
  command->add_flag("--force", flags->force, "Replace a file that is there");
  command->callback([&context, flags, importer] {
    context.action = [&context, flags, importer] { return importer(context, *flags); };
  });
  return command;
}

}  // namespace

void AddImportCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("import", "Make definitions of other tools' build files");
  command->fallthrough();
  AddImporter(*command, context, std::make_shared<ImportFlags>(), "bake",
              "From the JSON that `docker buildx bake --print` prints", ImportBake);
  const auto flags = std::make_shared<ImportFlags>();
  AddImporter(*command, context, flags, "compose", "From a compose file", ImportCompose)
      ->add_option("--env-file", flags->env_file, "Variables; default: .env beside the file")
      ->type_name("FILE");
}

}  // namespace stevedore::cli
