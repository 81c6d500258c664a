#include "tests/harness/registry.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::testing {
namespace {

absl::Status RunOrFail(std::vector<std::string> argv) {
  const std::string program = argv[0];
  ASSIGN_OR_RETURN(const ProcessResult result, Process::Run({.argv = std::move(argv)}));
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(program, ": ", result.out, result.err));
}

// The port in `listening on 127.0.0.1:34567`.
absl::StatusOr<int> ListeningPort(absl::string_view log) {
  const size_t start = log.find("listening on 127.0.0.1:");
  if (start == absl::string_view::npos) return absl::NotFoundError("no port in the log");
  absl::string_view digits = log.substr(start + 23);
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  int port = 0;
  if (!absl::SimpleAtoi(digits, &port)) return absl::NotFoundError("no port in the log");
  return port;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Start(RegistryOptions options) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  std::unique_ptr<Registry> registry(new Registry(std::move(options), std::move(directory)));
  if (registry->options_.tls) RETURN_IF_ERROR(registry->MakeCertificate());
  if (registry->options_.auth == RegistryOptions::Auth::kBasic) {
    RETURN_IF_ERROR(registry->MakePasswordFile());
  }
  if (registry->options_.auth == RegistryOptions::Auth::kToken) {
    ASSIGN_OR_RETURN(registry->token_server_,
                     TokenServer::Start(registry->options_.username, registry->options_.password));
    if (registry->options_.tls) {
      ASSIGN_OR_RETURN(registry->token_front_,
                       TlsFront::Start(registry->ca_file_, registry->key_file(),
                                       registry->token_server_->port()));
    }
  }
  RETURN_IF_ERROR(registry->Restart(), "start docker-registry");
  return registry;
}

absl::Status Registry::MakeCertificate() {
  ca_file_ = base::JoinPath(directory_.path(), "tls.pem");
  // Its own authority: what clients trust is this one certificate.
  return RunOrFail({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                    key_file(), "-out", ca_file_, "-days", "2", "-subj", "/CN=stevedore-test",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"});
}

absl::Status Registry::MakePasswordFile() {
  password_file_ = base::JoinPath(directory_.path(), "htpasswd");
  // docker-registry takes bcrypt only; the least cost keeps tests quick.
  return RunOrFail(
      {"htpasswd", "-Bbc", "-C", "4", password_file_, options_.username, options_.password});
}

absl::StatusOr<std::string> Registry::Configuration() {
  std::string yaml = absl::StrCat(
      "version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\nstorage:\n  filesystem: "
      "{rootdirectory: ",
      data_directory(), "}\n  delete: {enabled: true}\nhttp:\n  addr: 127.0.0.1:", port_,
      "\n  secret: test\n");
  if (options_.tls) {
    absl::StrAppend(&yaml, "  tls: {certificate: ", ca_file_, ", key: ", key_file(), "}\n");
  }
  switch (options_.auth) {
    case RegistryOptions::Auth::kNone:
      break;
    case RegistryOptions::Auth::kBasic:
      absl::StrAppend(&yaml, "auth: {htpasswd: {realm: test, path: ", password_file_, "}}\n");
      break;
    case RegistryOptions::Auth::kToken:
      absl::StrAppend(&yaml, "auth:\n  token: {realm: \"", token_realm(),
                      "\", service: ", TokenServer::kService, ", issuer: ", TokenServer::kIssuer,
                      ", rootcertbundle: ", token_server_->certificate_file(), "}\n");
      break;
  }
  return yaml;
}

absl::Status Registry::Restart() {
  process_.reset();
  const std::string path = base::JoinPath(directory_.path(), "config.yml");
  ASSIGN_OR_RETURN(const std::string yaml, Configuration());
  RETURN_IF_ERROR(base::WriteFileAtomically(path, yaml));
  ASSIGN_OR_RETURN(process_, Process::Start({.argv = {"docker-registry", "serve", path},
                                             .environment = {{"OTEL_TRACES_EXPORTER", "none"}}}));
  RETURN_IF_ERROR(process_->WaitForOutput("listening on 127.0.0.1:"));
  if (port_ == 0) {
    ASSIGN_OR_RETURN(port_, ListeningPort(process_->output()));
  }
  return WaitForPort(port_);
}

void Registry::Kill() { process_->Kill(); }

std::string Registry::token_realm() const {
  return token_front_ == nullptr ? token_server_->realm() : token_front_->url() + "/token";
}

std::string Registry::host() const { return absl::StrCat("127.0.0.1:", port_); }

std::string Registry::url() const {
  return absl::StrCat(options_.tls ? "https://" : "http://", host());
}

absl::StatusOr<std::string> Registry::WriteDockerConfig(const std::string& username,
                                                        const std::string& password) const {
  const std::string folder =
      base::JoinPath(directory_.path(), absl::StrCat("docker-", base::RandomHex(4)));
  RETURN_IF_ERROR(base::MakeDirectories(folder));
  RETURN_IF_ERROR(base::WriteFileAtomically(
      base::JoinPath(folder, "config.json"),
      absl::StrCat(R"({"auths": {")", host(), R"(": {"auth": ")",
                   absl::Base64Escape(absl::StrCat(username, ":", password)), R"("}}})"),
      0600));
  return folder;
}

int Registry::RequestCount(absl::string_view text) const {
  int count = 0;
  // The access log is on standard output, in Apache's format.
  const std::string out = process_->out();
  for (const absl::string_view line : absl::StrSplit(out, '\n')) {
    if (absl::StrContains(line, text)) ++count;
  }
  return count;
}

}  // namespace stevedore::testing
