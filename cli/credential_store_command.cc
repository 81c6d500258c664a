#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/credential_commands.h"
#include "cli/credential_printer.h"
#include "cli/credential_settings.h"
#include "cli/definitions.h"
#include "cli/secret_input.h"
#include "credentials/environment_credential_store.h"

namespace stevedore::cli {
namespace {

// Values of the flags of these commands.
struct StoreFlags {
  std::string local_storage_path;
  std::string output = "table";
  bool show_secrets = false;
  std::string id;
  std::string old_key_variable;
};

absl::StatusOr<graph::Configuration> Settings(const CommandContext& context,
                                              const StoreFlags& flags) {
  ASSIGN_OR_RETURN(graph::Configuration configuration, LoadConfiguration(context));
  RETURN_IF_ERROR(UseLocalStoragePath(flags.local_storage_path, &configuration));
  return configuration;
}

absl::StatusOr<ExitCode> Get(CommandContext& context, const StoreFlags& flags) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, Settings(context, flags));
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  ASSIGN_OR_RETURN(const auto entries, store->List());
  std::vector<credentials::Record> records;
  ExitCode code = ExitCode::kOk;
  for (const credentials::RecordEntry& entry : entries) {
    if (!entry.record.ok()) {
      PrintError(*context.console, entry.record.status().message());
      code = ExitCode::kInfrastructure;
      continue;
    }
    for (const std::string& warning : entry.record->warnings) {
      PrintWarning(*context.console, absl::StrCat(entry.record->id, ": ", warning));
    }
    records.push_back(*entry.record);
  }
  const Secrets secrets = flags.show_secrets ? Secrets::kShow : Secrets::kHide;
  context.console->Out(flags.output == "json"   ? CredentialJson(records, secrets)
                       : flags.output == "yaml" ? CredentialYaml(records, secrets)
                                                : CredentialTable(records, secrets));
  return code;
}

absl::StatusOr<ExitCode> Delete(CommandContext& context, const StoreFlags& flags) {
  const std::string& id = flags.id;
  ASSIGN_OR_RETURN(const graph::Configuration configuration, Settings(context, flags));
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  if (configuration.credentials_storage_type == "envvars") {
    return absl::FailedPreconditionError(absl::StrCat(
        store->Describe(), ", id ", base::Quoted(id), ": remove the variable ",
        credentials::EnvironmentCredentialStore::VariableName(id), " from the environment"));
  }
  RETURN_IF_ERROR(OpenFileStore(configuration)->Delete(id));
  context.console->Err(absl::StrCat("credentials ", id, " deleted\n"));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Migrate(CommandContext& context, const StoreFlags& flags) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, Settings(context, flags));
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  if (configuration.credentials_storage_type == "envvars") {
    return absl::FailedPreconditionError(
        absl::StrCat(store->Describe(),
                     ": `migrate credentials` is for local stores; variables keep their "
                     "format"));
  }
  base::Secret old_key;
  if (!flags.old_key_variable.empty()) {
    ASSIGN_OR_RETURN(old_key,
                     ReadSecret(*context.console, "old key",
                                SecretSource{.environment_variable = flags.old_key_variable}));
  }
  ASSIGN_OR_RETURN(const auto migration, OpenFileStore(configuration)->Migrate(old_key));
  context.console->Err(absl::StrCat(store->Describe(), ": ", migration.rewritten, " rewritten, ",
                                    migration.unchanged, " unchanged\n"));
  return ExitCode::kOk;
}

void AddPathFlag(CLI::App& command, StoreFlags& flags) {
  command
      .add_option("--local-storage-path", flags.local_storage_path,
                  "Folder of the store instead of the configured one")
      ->type_name("DIR");
}

}  // namespace

void AddGetCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand("credentials", "List the stored credentials");
  for (const char* alias : {"auth", "auths", "cred", "creds", "credential"}) command->alias(alias);
  const auto flags = std::make_shared<StoreFlags>();
  command->add_option("--output", flags->output, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
  command->add_flag("--show-secrets", flags->show_secrets, "Print passwords and keys too");
  AddPathFlag(*command, *flags);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Get(context, *flags); }; });
}

void AddDeleteCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand("credentials", "Delete a stored credential");
  const auto flags = std::make_shared<StoreFlags>();
  command->add_option("ID", flags->id, "Which credential")->required();
  AddPathFlag(*command, *flags);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Delete(context, *flags); };
  });
}

void AddMigrateCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand(
      "credentials", "Rewrite the local store with today's encryption and the configured key");
  const auto flags = std::make_shared<StoreFlags>();
  command
      ->add_option("--old-key-from-env", flags->old_key_variable,
                   "Variable with the key that entries are encrypted with until now")
      ->type_name("VARIABLE");
  AddPathFlag(*command, *flags);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Migrate(context, *flags); };
  });
}

}  // namespace stevedore::cli
