#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/definitions.h"
#include "cli/registry_access.h"
#include "cli/secret_input.h"
#include "cli/version.h"
#include "credentials/credential_helper.h"
#include "credentials/credential_store.h"
#include "credentials/docker_config.h"
#include "credentials/docker_config_credential_store.h"
#include "credentials/docker_logins.h"
#include "credentials/open_credentials.h"
#include "graph/configuration.h"
#include "http/client.h"
#include "transfer/host_settings.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {
namespace {

using credentials::Credential;
using credentials::DockerConfigCredentialStore;

// Values of the flags of login and logout.
struct LoginFlags {
  transfer::HostSettingsFinder hosts;  // Settings of registries, of the project.
  std::string server, username, password;
  bool password_stdin = false;
  std::vector<std::string> insecure_registries;
};

// What both commands start from.
struct Target {
  std::string key;                   // "docker.io", "reg:5000/team"
  std::string registry, repository;  // Its parts.
  std::vector<std::string> paths;    // Where logins are looked for; the first is written.
  std::shared_ptr<credentials::CredentialHelpers> helpers;
};

absl::StatusOr<Target> FindTarget(const std::string& server) {
  Target target;
  ASSIGN_OR_RETURN(target.key, credentials::ParseLoginServer(server));
  const size_t slash = target.key.find('/');
  target.registry = target.key.substr(0, slash);
  if (slash != std::string::npos) target.repository = target.key.substr(slash + 1);
  const auto environment = credentials::ProcessEnvironment();
  if (DockerConfigCredentialStore::DefaultPath(environment).empty()) {
    return absl::FailedPreconditionError(
        "there is no place for logins; set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE");
  }
  target.paths = DockerConfigCredentialStore::DefaultPaths(environment);
  target.helpers = std::make_shared<credentials::CredentialHelpers>();
  return target;
}

// Asks the registry, and its token service, whether it takes `credential`.
absl::Status Verify(const Target& target, const LoginFlags& flags, const Credential& credential) {
  http::ClientOptions http_options;
  http_options.user_agent = absl::StrCat("stevedore/", kVersion);
  http::Client http(http_options);
  transfer::RegistryClientOptions options;
  options.insecure_registries = flags.insecure_registries;
  options.host_settings = flags.hosts;
  options.retries = 2;
  options.longest_wait = absl::Seconds(2);
  options.connect_timeout = absl::Seconds(5);
  options.idle_timeout = absl::Seconds(30);
  const credentials::MemoryCredentialStore store({{target.registry, credential}});
  transfer::RegistryClient client(&http, &store, options);
  const absl::Status status = client.Ping(target.registry);
  if (!absl::IsUnauthenticated(status) && !absl::IsPermissionDenied(status)) return status;
  // The remedy of other commands is to log in, which is what is being done.
  const absl::string_view message = status.message();
  return absl::UnauthenticatedError(
      absl::StrCat(message.substr(0, message.find("; wrong password")), "; ", target.registry,
                   " does not take this user name with this password; nothing was stored"));
}

absl::StatusOr<Credential> AskFor(Console& console, const Target& target, const LoginFlags& flags) {
  Credential credential;
  credential.username = flags.username;
  credential.origin = "this login";
  if (credential.username.empty()) {
    ASSIGN_OR_RETURN(credential.username,
                     ReadLine(console, absl::StrCat("user name for ", target.key)),
                     "no --username was given");
  }
  if (!flags.password.empty()) {
    PrintWarning(console,
                 "--password is seen by all users of this machine and kept by shells; use "
                 "--password-stdin");
    credential.password = base::Secret(flags.password);
    return credential;
  }
  ASSIGN_OR_RETURN(
      credential.password,
      ReadSecret(console, absl::StrCat("password of ", credential.username),
                 SecretSource{.standard_input = flags.password_stdin, .environment_variable = ""}));
  return credential;
}

absl::StatusOr<ExitCode> Succeeded(Console& console) {
  console.Out("Login Succeeded\n");
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Login(CommandContext& context, const LoginFlags& flags) {
  Console& console = *context.console;
  ASSIGN_OR_RETURN(const Target target, FindTarget(flags.server));
  if (flags.password_stdin && flags.username.empty()) {
    return absl::InvalidArgumentError("--password-stdin needs --username; give both");
  }
  if (flags.username.empty() && flags.password.empty()) {
    // As docker does: who is logged in already is not asked again.
    ASSIGN_OR_RETURN(const auto known,
                     DockerConfigCredentialStore({target.paths[0]}, target.helpers)
                         .Find(target.registry, target.repository));
    if (known.has_value()) {
      console.Err(absl::StrCat("trying the login of ", known->origin, "\n"));
      const absl::Status status = Verify(target, flags, *known);
      if (status.ok()) return Succeeded(console);
      if (!absl::IsUnauthenticated(status) || isatty(STDIN_FILENO) == 0) return status;
      PrintWarning(console, status.message());
    }
  }
  ASSIGN_OR_RETURN(const Credential credential, AskFor(console, target, flags));
  RETURN_IF_ERROR(Verify(target, flags, credential));
  const credentials::DockerLogins logins(target.paths[0], target.helpers);
  ASSIGN_OR_RETURN(const auto place, logins.Store(target.key, credential), "store the login");
  console.Err(absl::StrCat("login of ", credential.username, " for ", target.key, " kept in ",
                           place.name, "\n"));
  if (place.readable_text) {
    PrintWarning(console,
                 "the password is not encrypted there; a credential helper (`credsStore`) "
                 "would keep it");
  }
  return Succeeded(console);
}

absl::StatusOr<ExitCode> Logout(CommandContext& context, const LoginFlags& flags) {
  Console& console = *context.console;
  ASSIGN_OR_RETURN(const Target target, FindTarget(flags.server));
  const credentials::DockerLogins logins(target.paths[0], target.helpers);
  ASSIGN_OR_RETURN(const bool erased, logins.Erase(target.key), "log out");
  console.Out(absl::StrCat(erased ? "Removing login credentials for " : "Not logged in to ",
                           target.key, "\n"));
  ASSIGN_OR_RETURN(const auto left, DockerConfigCredentialStore(target.paths, target.helpers)
                                        .Find(target.registry, target.repository));
  if (left.has_value()) {
    PrintWarning(console, absl::StrCat(target.key, " is still logged in to by ", left->origin));
  }
  return ExitCode::kOk;
}

CLI::App* AddCommand(CLI::App& app, const char* name, const char* what, LoginFlags& flags) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("SERVER", flags.server,
                      "Registry, or registry/namespace; without: Docker Hub");
  return command;
}

}  // namespace

void AddLoginCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<LoginFlags>();
  CLI::App* command =
      AddCommand(app, "login", "Log in to a registry, for docker and podman too", *flags);
  command->add_option("-u,--username", flags->username, "User name")->type_name("NAME");
  CLI::Option* password =
      command->add_option("-p,--password", flags->password, "Password; better use the next")
          ->type_name("PASSWORD");
  command
      ->add_flag("--password-stdin", flags->password_stdin, "Read the password from standard input")
      ->excludes(password);
  command
      ->add_option("--insecure-registry", flags->insecure_registries,
                   "Registry that may be spoken to without TLS or with any certificate")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command->callback([&context, flags] {
    context.action = [&context, flags]() -> absl::StatusOr<ExitCode> {
      ASSIGN_OR_RETURN(const graph::Configuration configuration, LoadConfiguration(context));
      flags->hosts = HostSettingsOf(configuration);
      return Login(context, *flags);
    };
  });
}

void AddLogoutCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<LoginFlags>();
  CLI::App* command = AddCommand(app, "logout", "Forget the login to a registry", *flags);
  command->callback([&context, flags] {
    context.action = [&context, flags] { return Logout(context, *flags); };
  });
}

}  // namespace stevedore::cli
