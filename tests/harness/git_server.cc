#include "tests/harness/git_server.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::testing {
namespace {

// Runs a program that must succeed.
absl::Status Run(std::vector<std::string> argv, const std::string& input = "") {
  ProcessOptions options;
  options.argv = std::move(argv);
  options.input = input;
  const std::string name = options.argv[0];
  ASSIGN_OR_RETURN(const ProcessResult result, Process::Run(std::move(options)));
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name, ": ", result.out, result.err));
}

std::string UserName() {
  const passwd* const entry = ::getpwuid(::getuid());
  return entry == nullptr ? "root" : entry->pw_name;
}

// A certificate authority and what it signed for localhost, as ca.pem and server.pem (with key).
absl::Status MakeCertificate(const std::string& directory) {
  const std::string ca = directory + "/ca.pem";
  const std::string key = directory + "/key.pem";
  RETURN_IF_ERROR(
      Run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
           "/CN=test authority", "-keyout", directory + "/ca-key.pem", "-out", ca}));
  RETURN_IF_ERROR(Run({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                       "-keyout", key, "-out", directory + "/request.pem"}));
  RETURN_IF_ERROR(base::WriteFileAtomically(directory + "/extensions",
                                            "subjectAltName=DNS:localhost,IP:127.0.0.1\n"));
  RETURN_IF_ERROR(Run({"openssl", "x509", "-req", "-in", directory + "/request.pem", "-CA", ca,
                       "-CAkey", directory + "/ca-key.pem", "-CAcreateserial", "-days", "2",
                       "-extfile", directory + "/extensions", "-out", directory + "/cert.pem"}));
  ASSIGN_OR_RETURN(const std::string private_key, base::ReadFile(key));
  ASSIGN_OR_RETURN(const std::string certificate, base::ReadFile(directory + "/cert.pem"));
  return base::WriteFileAtomically(directory + "/server.pem", private_key + certificate, 0600);
}

std::string LighttpdConfiguration(const std::string& directory, const std::string& repositories,
                                  int port, const GitHttpOptions& options) {
  std::string text = absl::StrCat(
      "server.modules = (\"mod_alias\", \"mod_setenv\", \"mod_redirect\", \"mod_auth\", "
      "\"mod_authn_file\", \"mod_cgi\", \"mod_accesslog\", \"mod_openssl\")\n",
      "server.document-root = \"", directory,
      "\"\nserver.bind = \"127.0.0.1\"\nserver.port = ", port, "\naccesslog.filename = \"",
      directory, "/access.log\"\n", "accesslog.format = \"%r %s user=%u\"\n");
  if (options.tls) {
    absl::StrAppend(&text, "ssl.engine = \"enable\"\nssl.pemfile = \"", directory,
                    "/server.pem\"\n");
  }
  if (!options.redirect_to.empty()) {
    absl::StrAppend(&text, "url.redirect = (\"^/(.*)\" => \"", options.redirect_to, "/$1\")\n");
  }
  if (!options.username.empty()) {
    absl::StrAppend(&text, "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"", directory,
                    "/users\"\nauth.require = (\"/\" => (\"method\" => \"basic\", \"realm\" => "
                    "\"git\", \"require\" => \"valid-user\"))\n");
  }
  absl::StrAppend(
      &text, "alias.url = (\"/\" => \"/usr/lib/git-core/git-http-backend/\")\n",
      "cgi.assign = (\"\" => \"\")\nsetenv.set-environment = (\"GIT_PROJECT_ROOT\" => \"",
      repositories,
      "\", \"GIT_HTTP_EXPORT_ALL\" => \"1\", \"GIT_CONFIG_COUNT\" => \"1\", "
      "\"GIT_CONFIG_KEY_0\" => \"safe.directory\", \"GIT_CONFIG_VALUE_0\" => \"*\")\n");
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GitHttpServer>> GitHttpServer::Start(const std::string& repositories,
                                                                    GitHttpOptions options) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path();
  std::unique_ptr<GitHttpServer> server(new GitHttpServer(std::move(directory)));
  if (options.tls) {
    RETURN_IF_ERROR(MakeCertificate(path));
    server->ca_file_ = path + "/ca.pem";
  }
  RETURN_IF_ERROR(base::WriteFileAtomically(
      path + "/users", absl::StrCat(options.username, ":", options.password, "\n")));
  server->port_ = FreePort();
  server->url_ = absl::StrCat(options.tls ? "https" : "http", "://localhost:", server->port_);
  RETURN_IF_ERROR(base::WriteFileAtomically(
      path + "/lighttpd.conf", LighttpdConfiguration(path, repositories, server->port_, options)));
  ProcessOptions process;
  process.argv = {"lighttpd", "-D", "-f", path + "/lighttpd.conf"};
  ASSIGN_OR_RETURN(server->process_, Process::Start(process));
  RETURN_IF_ERROR(WaitForPort(server->port_), server->process_->output());
  return server;
}

std::string GitHttpServer::Log() const {
  return base::ReadFile(directory_.path() + "/access.log").value_or("");
}

absl::StatusOr<std::unique_ptr<GitDaemon>> GitDaemon::Start(const std::string& repositories) {
  std::unique_ptr<GitDaemon> daemon(new GitDaemon());
  const int port = FreePort();
  daemon->url_ = absl::StrCat("git://127.0.0.1:", port);
  ProcessOptions process;
  // Not through `git`, which would only wait for it: tests suspend it.
  process.argv = {"/usr/lib/git-core/git-daemon",
                  "--reuseaddr",
                  "--listen=127.0.0.1",
                  absl::StrCat("--port=", port),
                  "--export-all",
                  "--base-path=" + repositories,
                  repositories};
  process.environment = {{"GIT_CONFIG_COUNT", "1"},
                         {"GIT_CONFIG_KEY_0", "safe.directory"},
                         {"GIT_CONFIG_VALUE_0", "*"}};
  ASSIGN_OR_RETURN(daemon->process_, Process::Start(process));
  RETURN_IF_ERROR(WaitForPort(port), daemon->process_->output());
  return daemon;
}

absl::StatusOr<std::unique_ptr<SshServer>> SshServer::Start() {
  // sshd insists on this folder, whatever its configuration says.
  RETURN_IF_ERROR(base::MakeDirectories("/run/sshd", 0755));
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  std::unique_ptr<SshServer> server(new SshServer(std::move(directory)));
  for (const char* type : {"ed25519", "ecdsa", "rsa"}) {
    RETURN_IF_ERROR(Run({"ssh-keygen", "-q", "-t", type, "-N", "", "-f",
                         server->Path(absl::StrCat("host_", type))}));
  }
  RETURN_IF_ERROR(base::WriteFileAtomically(server->Path("authorized_keys"), "", 0600));
  server->port_ = FreePort();
  server->url_ = absl::StrCat("ssh://", UserName(), "@127.0.0.1:", server->port_);
  RETURN_IF_ERROR(base::WriteFileAtomically(
      server->Path("sshd_config"),
      absl::StrCat("ListenAddress 127.0.0.1\nPort ", server->port_, "\nHostKey ",
                   server->Path("host_ed25519"), "\nHostKey ", server->Path("host_ecdsa"),
                   "\nHostKey ", server->Path("host_rsa"), "\nAuthorizedKeysFile ",
                   server->Path("authorized_keys"), "\nPidFile ", server->Path("pid"),
                   "\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
                   "KbdInteractiveAuthentication no\nPermitRootLogin yes\n"),
      0600));
  ProcessOptions process;
  process.argv = {"/usr/sbin/sshd", "-D", "-e", "-f", server->Path("sshd_config")};
  ASSIGN_OR_RETURN(server->process_, Process::Start(process));
  RETURN_IF_ERROR(WaitForPort(server->port_), server->process_->output());
  return server;
}

absl::Status SshServer::WriteHosts(const std::string& file, const std::string& public_key) const {
  ASSIGN_OR_RETURN(const std::string key, base::ReadFile(public_key));
  return base::WriteFileAtomically(file, absl::StrCat("[127.0.0.1]:", port_, " ", key));
}

absl::StatusOr<std::string> SshServer::WriteKnownHosts(bool hashed) const {
  const std::string file = Path(hashed ? "known_hosts_hashed" : "known_hosts");
  RETURN_IF_ERROR(WriteHosts(file, Path("host_ed25519.pub")));
  if (hashed) RETURN_IF_ERROR(Run({"ssh-keygen", "-q", "-H", "-f", file}));
  return file;
}

absl::StatusOr<std::string> SshServer::WriteWrongKnownHosts() const {
  ASSIGN_OR_RETURN(const std::string other, MakeKey("ed25519", ""));
  const std::string file = Path("known_hosts_wrong");
  RETURN_IF_ERROR(WriteHosts(file, other + ".pub"));
  return file;
}

absl::StatusOr<std::string> SshServer::MakeKey(const std::string& type,
                                               const std::string& password) const {
  const std::string file = Path(absl::StrCat("user_", type, password.empty() ? "" : "_locked"));
  if (base::Exists(file)) return file;
  RETURN_IF_ERROR(Run({"ssh-keygen", "-q", "-t", type, "-N", password, "-f", file}));
  ASSIGN_OR_RETURN(const std::string key, base::ReadFile(file + ".pub"));
  ASSIGN_OR_RETURN(const std::string keys, base::ReadFile(Path("authorized_keys")));
  RETURN_IF_ERROR(base::WriteFileAtomically(Path("authorized_keys"), keys + key, 0600));
  return file;
}

absl::StatusOr<std::unique_ptr<SshAgent>> SshAgent::Start(const std::string& key_file) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  const std::string socket = directory.path() + "/agent";
  std::unique_ptr<SshAgent> agent(new SshAgent(std::move(directory)));
  agent->socket_ = socket;
  ProcessOptions process;
  process.argv = {"ssh-agent", "-D", "-a", socket};
  ASSIGN_OR_RETURN(agent->process_, Process::Start(process));
  RETURN_IF_ERROR(agent->process_->WaitForOutput("SSH_AUTH_SOCK"));
  ProcessOptions add;
  add.argv = {"ssh-add", "-q", key_file};
  add.environment = {{"SSH_AUTH_SOCK", socket}};
  ASSIGN_OR_RETURN(const ProcessResult added, Process::Run(add));
  if (added.exit_code != 0) return absl::InternalError(added.err);
  return agent;
}

}  // namespace stevedore::testing
