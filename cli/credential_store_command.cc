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

absl::StatusOr<ExitCode> Get(CommandContext& context, const std::string& output, bool show) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
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
  const Secrets secrets = show ? Secrets::kShow : Secrets::kHide;
  context.console->Out(output == "json"   ? CredentialJson(records, secrets)
                       : output == "yaml" ? CredentialYaml(records, secrets)
                                          : CredentialTable(records, secrets));
  return code;
}

absl::StatusOr<ExitCode> Delete(CommandContext& context, const std::string& id) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
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

absl::StatusOr<ExitCode> Migrate(CommandContext& context, const std::string& old_key_variable) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  if (configuration.credentials_storage_type == "envvars") {
    return absl::FailedPreconditionError(
        absl::StrCat(store->Describe(),
                     ": `migrate credentials` is for local stores; variables keep their "
                     "format"));
  }
  base::Secret old_key;
  if (!old_key_variable.empty()) {
    ASSIGN_OR_RETURN(old_key, ReadSecret(*context.console, "old key",
                                         SecretSource{.environment_variable = old_key_variable}));
  }
  ASSIGN_OR_RETURN(const auto migration, OpenFileStore(configuration)->Migrate(old_key));
  context.console->Err(absl::StrCat(store->Describe(), ": ", migration.rewritten, " rewritten, ",
                                    migration.unchanged, " unchanged\n"));
  return ExitCode::kOk;
}

}  // namespace

void AddGetCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand("credentials", "List the stored credentials");
  for (const char* alias : {"auth", "auths", "cred", "creds", "credential"}) command->alias(alias);
  const auto output = std::make_shared<std::string>("table");
  const auto show = std::make_shared<bool>(false);
  command->add_option("--output", *output, "Format")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
  command->add_flag("--show-secrets", *show, "Print passwords and keys too");
  command->callback([&context, output, show] {
    context.action = [&context, output, show] { return Get(context, *output, *show); };
  });
}

void AddDeleteCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand("credentials", "Delete a stored credential");
  const auto id = std::make_shared<std::string>();
  command->add_option("ID", *id, "Which credential")->required();
  command->callback(
      [&context, id] { context.action = [&context, id] { return Delete(context, *id); }; });
}

void AddMigrateCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command = verb.add_subcommand(
      "credentials", "Rewrite the local store with today's encryption and the configured key");
  const auto old_key = std::make_shared<std::string>();
  command
      ->add_option("--old-key-from-env", *old_key,
                   "Variable with the key that entries are encrypted with until now")
      ->type_name("VARIABLE");
  command->callback([&context, old_key] {
    context.action = [&context, old_key] { return Migrate(context, *old_key); };
  });
}

}  // namespace stevedore::cli
