#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/command.h"
#include "cli/credential_commands.h"
#include "cli/definitions.h"
#include "cli/listings.h"
#include "cli/text.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

// Values of the flags that all listings share, and of `get images`.
struct GetFlags {
  std::vector<std::string> filters;
  ImageListOptions images;
  std::string output = "table";
  bool show_secrets = false;
};

void AddOutput(CLI::App& command, std::string& output) {
  command.add_option("--output", output, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
}

void AddFilter(CLI::App& command, std::vector<std::string>& filters,
               const std::string& attributes) {
  command
      .add_option("-f,--filter", filters, "Only those with this value; attributes: " + attributes)
      ->type_name("ATTRIBUTE=VALUE")
      ->allow_extra_args(false);
}

absl::StatusOr<ExitCode> GetImages(CommandContext& context, const GetFlags& flags) {
  ImageListOptions options = flags.images;
  ASSIGN_OR_RETURN(options.filters, SplitPairs("--filter", flags.filters));
  RETURN_IF_ERROR(CheckImageFilters(options.filters));
  ASSIGN_OR_RETURN(const graph::Catalog catalog, LoadDefinitions(context));
  ASSIGN_OR_RETURN(const std::string text, ListImages(catalog, options));
  context.console->Out(text);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> GetBuilders(CommandContext& context, const GetFlags& flags) {
  ASSIGN_OR_RETURN(const auto filters, SplitPairs("--filter", flags.filters));
  RETURN_IF_ERROR(CheckBuilderFilters(filters));
  ASSIGN_OR_RETURN(const graph::Catalog catalog, LoadDefinitions(context));
  context.console->Out(ListBuilders(catalog, filters, flags.output));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> GetConfiguration(CommandContext& context, const GetFlags& flags) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
  context.console->Out(ListConfiguration(configuration, flags.output, flags.show_secrets));
  return ExitCode::kOk;
}

void AddGetImages(CLI::App& get, CommandContext& context) {
  CLI::App* command = get.add_subcommand("images", "List the images that are defined")
                          ->alias("image")
                          ->alias("i")
                          ->alias("img");
  const auto flags = std::make_shared<GetFlags>();
  command->add_flag("-t,--tree", flags->images.tree, "Show what builds on what");
  AddFilter(*command, flags->filters, "name, version, registry, namespace, builder");
  command->add_option("--output", flags->images.output, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml", "names"}))
      ->type_name("table|json|yaml|names");
  command->add_flag("--use-docker-normalized-name", flags->images.normalized_names,
                    "References as docker completes them");
  command->callback([&context, flags] {
    context.action = [&context, flags] { return GetImages(context, *flags); };
  });
}

void AddGetBuilders(CLI::App& get, CommandContext& context) {
  CLI::App* command =
      get.add_subcommand("builders", "List builders, those written inside images too")
          ->alias("builder")
          ->alias("b");
  const auto flags = std::make_shared<GetFlags>();
  AddFilter(*command, flags->filters, "name, driver");
  AddOutput(*command, flags->output);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return GetBuilders(context, *flags); };
  });
}

void AddGetConfiguration(CLI::App& get, CommandContext& context) {
  CLI::App* command = get.add_subcommand("configuration", "Show the settings in effect")
                          ->alias("config")
                          ->alias("conf")
                          ->alias("cfg");
  const auto flags = std::make_shared<GetFlags>();
  AddOutput(*command, flags->output);
  command->add_flag("--show-secrets", flags->show_secrets, "Print the encryption key as well");
  command->callback([&context, flags] {
    context.action = [&context, flags] { return GetConfiguration(context, *flags); };
  });
}

}  // namespace

void AddGetCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("get", "Show what is defined")->alias("list");
  command->fallthrough();
  AddGetImages(*command, context);
  AddGetBuilders(*command, context);
  AddGetConfiguration(*command, context);
  AddGetCredentials(*command, context);
  AddGetSealingKey(*command, context);
}

}  // namespace stevedore::cli
