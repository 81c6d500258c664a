#include "tests/harness/docker_engine.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::testing {
namespace {

// What an engine that was killed leaves mounted below `directory`, deepest first.
void UnmountAllBelow(const std::string& directory) {
  const absl::StatusOr<std::string> table = base::ReadFile("/proc/self/mounts");
  if (!table.ok()) return;
  std::vector<std::string> points;
  for (const absl::string_view line : absl::StrSplit(*table, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 1 && absl::StartsWith(fields[1], directory)) points.push_back(fields[1]);
  }
  std::sort(points.rbegin(), points.rend());
  for (const std::string& point : points) umount2(point.c_str(), MNT_DETACH);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DockerEngine>> DockerEngine::Start(DockerEngineOptions options) {
  if (!RunningAsRoot()) return absl::FailedPreconditionError("dockerd needs root");
  if (!base::Exists("/usr/sbin/dockerd")) {
    return absl::FailedPreconditionError("dockerd is not installed (package docker.io)");
  }
  // Sockets need short paths.
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory,
                   base::TemporaryDirectory::Create("/tmp/dockerd."));
  std::unique_ptr<DockerEngine> engine(new DockerEngine(std::move(directory)));
  const std::string& path = engine->directory_.path();
  engine->socket_ = base::JoinPath(path, "docker.sock");
  if (options.disk_mib > 0) {
    const std::string data = base::JoinPath(path, "data");
    RETURN_IF_ERROR(base::MakeDirectories(data));
    if (mount("tmpfs", data.c_str(), "tmpfs", 0,
              absl::StrCat("size=", options.disk_mib, "m").c_str()) != 0) {
      return base::ErrnoStatus(errno, "mount a tmpfs for dockerd");
    }
  }
  // The machine's own configuration must not matter.
  const std::string configuration = base::JoinPath(path, "daemon.json");
  RETURN_IF_ERROR(base::WriteFileAtomically(configuration, "{}"));
  std::vector<std::string> argv = {"/usr/sbin/dockerd",
                                   "--bridge=none",
                                   "--iptables=false",
                                   "--ip-forward=false",
                                   "--ip-masq=false",
                                   "--data-root",
                                   base::JoinPath(path, "data"),
                                   "--exec-root",
                                   base::JoinPath(path, "exec"),
                                   "--pidfile",
                                   base::JoinPath(path, "pid"),
                                   "--config-file",
                                   configuration,
                                   "-H",
                                   engine->Address()};
  if (options.tls) {
    RETURN_IF_ERROR(engine->MakeCertificates());
    engine->tls_address_ = absl::StrCat("tcp://127.0.0.1:", FreePort());
    const std::string certificate = base::JoinPath(engine->certificates(), "cert.pem");
    for (const std::string& word :
         {std::string("-H"), engine->tls_address_, std::string("--tlsverify"),
          "--tlscacert=" + certificate, "--tlscert=" + certificate,
          "--tlskey=" + base::JoinPath(engine->certificates(), "key.pem")}) {
      argv.push_back(word);
    }
  }
  ASSIGN_OR_RETURN(engine->process_, Process::Start({.argv = std::move(argv)}));
  // Not FAILED_PRECONDITION: an engine that is here and does not start is a failure, no reason to
  // skip.
  if (const absl::Status up = engine->process_->WaitForOutput("API listen on", absl::Seconds(60));
      !up.ok()) {
    return absl::InternalError(absl::StrCat("start dockerd: ", up.message()));
  }
  return engine;
}

absl::Status DockerEngine::MakeCertificates() {
  RETURN_IF_ERROR(base::MakeDirectories(certificates()));
  const std::string certificate = base::JoinPath(certificates(), "cert.pem");
  // Its own authority, and both sides' certificate.
  ASSIGN_OR_RETURN(
      const ProcessResult made,
      Process::Run({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                             base::JoinPath(certificates(), "key.pem"), "-out", certificate,
                             "-days", "2", "-subj", "/CN=stevedore-test", "-addext",
                             "subjectAltName=IP:127.0.0.1,DNS:localhost"}}));
  if (made.exit_code != 0) return absl::InternalError(absl::StrCat("openssl: ", made.err));
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(certificate));
  return base::WriteFileAtomically(base::JoinPath(certificates(), "ca.pem"), text);
}

DockerEngine::~DockerEngine() {
  if (process_ != nullptr) process_->Terminate();
  process_.reset();
  UnmountAllBelow(directory_.path());
}

absl::StatusOr<ProcessResult> DockerEngine::Docker(std::vector<std::string> arguments,
                                                   std::string input, absl::Duration limit) const {
  arguments.insert(arguments.begin(), "/usr/bin/docker");
  // A client's own configuration and newer version must not matter.
  return Process::Run({.argv = std::move(arguments),
                       .environment = {{"DOCKER_HOST", Address()},
                                       {"DOCKER_API_VERSION", "1.41"},
                                       {"DOCKER_CONFIG", directory_.path()}},
                       .input = std::move(input)},
                      limit);
}

}  // namespace stevedore::testing
