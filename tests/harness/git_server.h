// Real git servers for tests.

#ifndef STEVEDORE_TESTS_HARNESS_GIT_SERVER_H_
#define STEVEDORE_TESTS_HARNESS_GIT_SERVER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// What a GitHttpServer asks for. Plain data.
struct GitHttpOptions {
  // Basic auth; empty: open to everybody.
  std::string username;
  std::string password;
  // HTTPS with a certificate for localhost and 127.0.0.1 that `ca_file` signs.
  bool tls = false;
  // Answers everything with a redirect to this URL + path instead.
  std::string redirect_to;
};

// `git http-backend` behind lighttpd, for the repositories below a folder. Not thread-safe.
class GitHttpServer {
 public:
  static absl::StatusOr<std::unique_ptr<GitHttpServer>> Start(const std::string& repositories,
                                                              GitHttpOptions options = {});
  // "http://localhost:34567" or https.
  const std::string& url() const { return url_; }
  int port() const { return port_; }
  // PEM certificate to trust; empty without TLS.
  const std::string& ca_file() const { return ca_file_; }
  // Lines of the access log so far: request, status and the user who was let in.
  std::string Log() const;

 private:
  explicit GitHttpServer(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}
  const base::TemporaryDirectory directory_;
  int port_ = 0;
  std::string url_, ca_file_;
  std::unique_ptr<Process> process_;
};

// `git daemon` for the repositories below a folder. Not thread-safe.
class GitDaemon {
 public:
  static absl::StatusOr<std::unique_ptr<GitDaemon>> Start(const std::string& repositories);
  // "git://127.0.0.1:34567".
  const std::string& url() const { return url_; }
  Process& process() { return *process_; }

 private:
  GitDaemon() = default;
  std::string url_;
  std::unique_ptr<Process> process_;
};

// An sshd that lets in the user of this process with the keys in `authorized_keys`, and keeps its
// own keys in a folder. Needs root, as sshd does. Not thread-safe.
class SshServer {
 public:
  static absl::StatusOr<std::unique_ptr<SshServer>> Start();

  int port() const { return port_; }
  // "ssh://root@127.0.0.1:34567".
  const std::string& url() const { return url_; }
  // A known_hosts file with this server's ed25519 key; with `hashed` names as ssh-keygen -H.
  absl::StatusOr<std::string> WriteKnownHosts(bool hashed = false) const;
  // A known_hosts file with another key for this server.
  absl::StatusOr<std::string> WriteWrongKnownHosts() const;
  // Makes a key of `type` ("ed25519", "rsa") that may log in; returns its private file.
  absl::StatusOr<std::string> MakeKey(const std::string& type, const std::string& password) const;

 private:
  explicit SshServer(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  absl::Status WriteHosts(const std::string& file, const std::string& public_key) const;

  const base::TemporaryDirectory directory_;
  int port_ = 0;
  std::string url_;
  std::unique_ptr<Process> process_;
};

// An ssh-agent with one key. Not thread-safe.
class SshAgent {
 public:
  static absl::StatusOr<std::unique_ptr<SshAgent>> Start(const std::string& key_file);
  // For SSH_AUTH_SOCK.
  const std::string& socket() const { return socket_; }

 private:
  explicit SshAgent(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}
  const base::TemporaryDirectory directory_;
  std::string socket_;
  std::unique_ptr<Process> process_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_GIT_SERVER_H_
