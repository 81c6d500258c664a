#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/configuration_file.h"
#include "cli/text.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct CreateFlags {
  graph::Configuration configuration;
  int concurrency = 0;
  std::string file = "stevedore.yaml";
  std::string encryption_key;
  bool generate_key = false;
  std::vector<std::string> semver_templates;
  bool force = false;
};

absl::StatusOr<ExitCode> CreateConfiguration(CommandContext& context, const CreateFlags& flags) {
  graph::Configuration configuration = flags.configuration;
  configuration.concurrency = flags.concurrency;
  if (flags.generate_key && !flags.encryption_key.empty()) {
    return absl::InvalidArgumentError(
        "--generate-credentials-encryption-key makes a key and "
        "--credentials-encryption-key gives one; use one of the two");
  }
  configuration.credentials_encryption_key = base::Secret(flags.encryption_key);
  if (flags.generate_key) {
    ASSIGN_OR_RETURN(configuration.credentials_encryption_key, GenerateEncryptionKey());
  }
  if (!flags.semver_templates.empty()) {
    ASSIGN_OR_RETURN(configuration.semantic_version_tags_templates,
                     SplitList("--semver-tags-template", flags.semver_templates));
  }
  RETURN_IF_ERROR(CheckNewConfiguration(configuration));
  RETURN_IF_ERROR(WriteConfigurationFile(flags.file, configuration, flags.force));
  if (configuration.credentials_storage_type == "envvars" &&
      configuration.credentials_encryption_key.empty()) {
    PrintWarning(*context.console,
                 "credentials in environment variables need an encryption key; set "
                 "STEVEDORE_CREDENTIALS_ENCRYPTION_KEY or give "
                 "--generate-credentials-encryption-key");
  }
  context.console->Err(absl::StrCat("created ", flags.file, "\n"));
  return ExitCode::kOk;
}

void AddFlags(CLI::App& command, CommandContext& context) {
  const auto flags = std::make_shared<CreateFlags>();
  graph::Configuration& configuration = flags->configuration;
  flags->concurrency = configuration.concurrency = graph::DefaultConcurrency();
  command.add_option("-b,--builders-path", configuration.builders_path, "Where builders are")
      ->type_name("PATH");
  command.add_option("-i,--images-path", configuration.images_path, "Where images are")
      ->type_name("PATH");
  command.add_option("-c,--concurrency", flags->concurrency, "Images built at once")
      ->type_name("N");
  command.add_option("-C,--config", flags->file, "File to write; default: stevedore.yaml")
      ->type_name("FILE");
  command
      .add_option("--credentials-encryption-key", flags->encryption_key,
                  "Key of the credentials store")
      ->type_name("KEY");
  command.add_flag("--generate-credentials-encryption-key", flags->generate_key, "Make such a key");
  command
      .add_option("--credentials-format", configuration.credentials_format, "Format of credentials")
      ->type_name("json|yaml");
  command
      .add_option("--credentials-local-storage-path", configuration.credentials_local_storage_path,
                  "Folder of a local store")
      ->type_name("DIR");
  command
      .add_option("--credentials-storage-type", configuration.credentials_storage_type,
                  "Where credentials are")
      ->type_name("local|envvars");
  command.add_flag("-s,--enable-semver-tags", configuration.semantic_version_tags_enabled,
                   "Tags from versions that are semantic versions");
  command.add_flag("--force", flags->force, "Replace a file that is there");
  command.add_option("-l,--log-path-file", configuration.log_path, "Log file")->type_name("FILE");
  command.add_flag("-p,--push-images", configuration.push_images, "Push after every build");
  command
      .add_option("-t,--semver-tags-template", flags->semver_templates, "Template of such a tag")
      ->type_name("TEMPLATE")
      ->allow_extra_args(false);
  command.callback([&context, flags] {
    context.action = [&context, flags] { return CreateConfiguration(context, *flags); };
  });
}

}  // namespace

void AddCreateConfiguration(CLI::App& create, CommandContext& context) {
  AddFlags(*create.add_subcommand("configuration", "Write a configuration file")
                ->alias("config")
                ->alias("conf")
                ->alias("cfg"),
           context);
}

void AddInitializeCommand(CLI::App& app, CommandContext& context) {
  AddFlags(*app.add_subcommand("initialize", "Write a configuration file: create configuration")
                ->alias("init"),
           context);
}

}  // namespace stevedore::cli
