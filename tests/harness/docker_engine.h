// A real Docker engine for tests. Needs root.

#ifndef STEVEDORE_TESTS_HARNESS_DOCKER_ENGINE_H_
#define STEVEDORE_TESTS_HARNESS_DOCKER_ENGINE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// What kind of engine. Plain data.
struct DockerEngineOptions {
  // Size of its disk, in MiB (a tmpfs); 0: the machine's.
  int disk_mib = 0;
  // Listen on loopback TCP with TLS too, and want a client's certificate.
  bool tls = false;
};

// One dockerd without networks in a folder of its own, gone with this object. Containers need
// `--network none` or `host`. Not thread-safe.
class DockerEngine {
 public:
  // Returns when it answers. FAILED_PRECONDITION, saying why, where it cannot run: not root, or not
  // installed. Then skip the test with that text.
  static absl::StatusOr<std::unique_ptr<DockerEngine>> Start(DockerEngineOptions options = {});
  DockerEngine(const DockerEngine&) = delete;
  DockerEngine& operator=(const DockerEngine&) = delete;
  // Stops it with its containers and takes its mounts away.
  ~DockerEngine();

  // Path of its unix socket.
  const std::string& socket() const { return socket_; }
  // "unix:///tmp/…", for DOCKER_HOST.
  std::string Address() const { return "unix://" + socket_; }

  // Only with DockerEngineOptions::tls: "tcp://127.0.0.1:PORT", and the folder with ca.pem,
  // cert.pem and key.pem for DOCKER_CERT_PATH.
  const std::string& tls_address() const { return tls_address_; }
  std::string certificates() const { return base::JoinPath(directory_.path(), "tls"); }

  // Runs Debian's docker client against it and returns what that printed, whatever its exit code.
  absl::StatusOr<ProcessResult> Docker(std::vector<std::string> arguments, std::string input = "",
                                       absl::Duration limit = absl::Seconds(120)) const;

  Process& process() { return *process_; }

 private:
  explicit DockerEngine(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}

  const base::TemporaryDirectory directory_;
  absl::Status MakeCertificates();

  std::string socket_, tls_address_;
  std::unique_ptr<Process> process_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_DOCKER_ENGINE_H_
