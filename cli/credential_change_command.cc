#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/credential_commands.h"
#include "cli/credential_settings.h"
#include "cli/definitions.h"
#include "cli/secret_input.h"
#include "cli/text.h"
#include "credentials/file_credential_store.h"
#include "credentials/record.h"

namespace stevedore::cli {
namespace {

using credentials::FileCredentialStore;
using credentials::Record;

// Values of the flags of create and rotate.
struct ChangeFlags {
  std::string id;
  Record record;
  bool ask_private_key_password = false;
  std::vector<std::string> config_files;
  std::vector<std::string> credentials_files;
  std::string local_storage_path;
  bool force = false;
  SecretSource source;
  // Deprecated.
  std::string registry_host;
  std::string credentials_dir;
};

// Configuration with the flag --local-storage-path.
absl::StatusOr<graph::Configuration> Settings(const CommandContext& context,
                                              const std::string& local_storage_path) {
  ASSIGN_OR_RETURN(graph::Configuration configuration, LoadConfiguration(context));
  RETURN_IF_ERROR(UseLocalStoragePath(local_storage_path, &configuration));
  return configuration;
}

// Asks for each secret that `record` needs and has not. Standard input and a variable hold one.
absl::Status ReadSecrets(Console& console, const SecretSource& source, bool private_key_password,
                         Record& record) {
  std::vector<std::pair<std::string, base::Secret*>> wanted;
  if (!record.username.empty()) {
    wanted.emplace_back(absl::StrCat("password of ", record.username), &record.password);
  }
  if (!record.aws_access_key_id.empty()) {
    wanted.emplace_back(absl::StrCat("secret key of ", record.aws_access_key_id),
                        &record.aws_secret_access_key);
  }
  if (private_key_password) {
    wanted.emplace_back(absl::StrCat("password of ", record.private_key_file),
                        &record.private_key_password);
  }
  const bool given = source.standard_input || !source.environment_variable.empty();
  if (given && wanted.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--password-stdin and --from-env give one secret, but this credential needs ",
        wanted.size(), "; give --username, --aws-access-key-id or --ask-private-key-password"));
  }
  for (const auto& [what, secret] : wanted) {
    ASSIGN_OR_RETURN(*secret, ReadSecret(console, what, source));
  }
  return absl::OkStatus();
}

// Writes the record into the configured store, or prints how to set it.
absl::Status Store(CommandContext& context, const graph::Configuration& configuration,
                   const Record& record, FileCredentialStore::Replace replace,
                   absl::string_view done) {
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  if (configuration.credentials_storage_type == "envvars") {
    ASSIGN_OR_RETURN(
        const auto variable,
        OpenEnvironmentStore(configuration)->Export(record, RecordFormatOf(configuration)));
    context.console->Err("Set this variable where Stevedore runs:\n");
    context.console->Out(absl::StrCat("export ", variable.first, "=", variable.second, "\n"));
    return absl::OkStatus();
  }
  if (configuration.credentials_encryption_key.empty()) {
    PrintWarning(*context.console,
                 absl::StrCat(store->Describe(),
                              ": it is not encrypted; `credentials.encryption_key` or "
                              "STEVEDORE_CREDENTIALS_ENCRYPTION_KEY changes that"));
  }
  RETURN_IF_ERROR(OpenFileStore(configuration)->Put(record, replace));
  context.console->Err(
      absl::StrCat("credentials ", record.id, " ", done, " in ", store->Describe(), "\n"));
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Create(CommandContext& context, ChangeFlags& flags) {
  if (!flags.registry_host.empty()) {
    PrintWarning(*context.console, "--registry-host is deprecated; give the id as an argument");
    if (flags.id.empty()) flags.id = flags.registry_host;
  }
  if (!flags.credentials_dir.empty()) {
    PrintWarning(*context.console, "--credentials-dir is deprecated; use --local-storage-path");
    if (flags.local_storage_path.empty()) flags.local_storage_path = flags.credentials_dir;
  }
  if (flags.id.empty()) {
    return absl::InvalidArgumentError(
        "give an id: the registry as images name it (registry.example.com:5000), or the "
        "credentials_id of a git context");
  }
  ASSIGN_OR_RETURN(const graph::Configuration configuration,
                   Settings(context, flags.local_storage_path));
  Record record = flags.record;
  record.id = flags.id;
  ASSIGN_OR_RETURN(record.aws_shared_config_files,
                   SplitList("--aws-shared-config-files", flags.config_files));
  ASSIGN_OR_RETURN(record.aws_shared_credentials_files,
                   SplitList("--aws-shared-credentials-files", flags.credentials_files));
  if (flags.ask_private_key_password && record.private_key_file.empty()) {
    return absl::InvalidArgumentError("--ask-private-key-password needs --private-key-file");
  }
  const bool exists_no_matter = flags.force || configuration.credentials_storage_type == "envvars";
  if (!exists_no_matter) {
    // Before somebody types a password for nothing; Put decides.
    ASSIGN_OR_RETURN(const auto existing, OpenFileStore(configuration)->Get(record.id));
    if (existing.has_value()) {
      return absl::AlreadyExistsError(absl::StrCat("credentials ", base::Quoted(record.id),
                                                   " exist already; --force replaces them"));
    }
  }
  RETURN_IF_ERROR(
      ReadSecrets(*context.console, flags.source, flags.ask_private_key_password, record));
  RETURN_IF_ERROR(credentials::CheckComplete(record));
  RETURN_IF_ERROR(
      Store(context, configuration, record,
            flags.force ? FileCredentialStore::Replace::kYes : FileCredentialStore::Replace::kNo,
            "stored"));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Rotate(CommandContext& context, const ChangeFlags& flags) {
  ASSIGN_OR_RETURN(const graph::Configuration configuration,
                   Settings(context, flags.local_storage_path));
  ASSIGN_OR_RETURN(const auto store, OpenRecordStore(configuration));
  ASSIGN_OR_RETURN(std::optional<Record> record, store->Get(flags.id));
  if (!record.has_value()) {
    return absl::NotFoundError(absl::StrCat(store->Describe(), ", id ", base::Quoted(flags.id),
                                            ": there is no such entry; `create credentials` makes "
                                            "it"));
  }
  const bool protected_key = !record->private_key_password.empty();
  if (record->username.empty() && record->aws_access_key_id.empty() && !protected_key) {
    return absl::FailedPreconditionError(
        absl::StrCat(store->Describe(), ", id ", base::Quoted(flags.id),
                     ": the record holds no secret that could be replaced"));
  }
  RETURN_IF_ERROR(ReadSecrets(*context.console, flags.source, protected_key, *record));
  RETURN_IF_ERROR(
      Store(context, configuration, *record, FileCredentialStore::Replace::kYes, "renewed"));
  return ExitCode::kOk;
}

void AddSecretFlags(CLI::App& command, SecretSource& source, std::string& local_storage_path) {
  CLI::Option* standard_input = command.add_flag("--password-stdin", source.standard_input,
                                                 "Read the secret from standard input");
  command
      .add_option("--from-env", source.environment_variable,
                  "Read the secret from an environment variable")
      ->type_name("VARIABLE")
      ->excludes(standard_input);
  command
      .add_option("--local-storage-path", local_storage_path,
                  "Folder of the store instead of the configured one")
      ->type_name("DIR");
}

}  // namespace

void AddCreateCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command =
      verb.add_subcommand("credentials", "Store a credential")->alias("auth")->alias("badge");
  const auto flags = std::make_shared<ChangeFlags>();
  Record& record = flags->record;
  command->add_option("ID", flags->id, "Registry host, or a name that definitions use");
  command->add_option("--username", record.username, "User name; the password is asked for")
      ->type_name("NAME");
  command
      ->add_option("--aws-access-key-id", record.aws_access_key_id,
                   "AWS key id; the secret key is asked for")
      ->type_name("ID");
  command->add_option("--aws-region", record.aws_region, "AWS region")->type_name("REGION");
  command->add_option("--aws-profile", record.aws_profile, "AWS profile")->type_name("NAME");
  command->add_option("--aws-role-arn", record.aws_role_arn, "AWS role to assume")
      ->type_name("ARN");
  command->add_flag("--aws-use-default-credentials-chain", record.aws_use_default_credentials_chain,
                    "Use what AWS's own tools would use here");
  command->add_option("--aws-shared-config-files", flags->config_files, "AWS configuration files")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--aws-shared-credentials-files", flags->credentials_files,
                   "AWS credentials files")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--private-key-file", record.private_key_file, "SSH private key")
      ->type_name("FILE");
  command->add_flag("--ask-private-key-password", flags->ask_private_key_password,
                    "The key is protected; ask for its password");
  command->add_option("--git-ssh-user", record.git_ssh_user, "SSH user for git")->type_name("NAME");
  command->add_flag("--allow-use-ssh-agent", record.use_ssh_agent, "Use the SSH agent");
  command->add_flag("--force", flags->force, "Replace what is stored");
  command->add_option("-r,--registry-host", flags->registry_host, "Deprecated: the id")
      ->type_name("ID");
  command
      ->add_option("-d,--credentials-dir", flags->credentials_dir,
                   "Deprecated: --local-storage-path")
      ->type_name("DIR");
  AddSecretFlags(*command, flags->source, flags->local_storage_path);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Create(context, *flags); };
  });
}

void AddRotateCredentials(CLI::App& verb, CommandContext& context) {
  CLI::App* command =
      verb.add_subcommand("credentials", "Replace the secret of a credential, keep the rest");
  const auto flags = std::make_shared<ChangeFlags>();
  command->add_option("ID", flags->id, "Which credential")->required();
  AddSecretFlags(*command, flags->source, flags->local_storage_path);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Rotate(context, *flags); };
  });
}

}  // namespace stevedore::cli
