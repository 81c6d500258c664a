// What BuildKit may ask its client for while it builds: files, logins, secrets, agents; and where
// its result goes.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_SESSION_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/secret.h"
#include "context/tree.h"
#include "credentials/credential.h"

namespace stevedore::worker {

// Everything that one build may ask for. Its functions are called from several threads.
struct SessionContent {
  // By the name that the build uses: "context", "dockerfile", "context:NAME".
  std::map<std::string, std::shared_ptr<const context::Tree>> folders;
  // Modification time of all files, seconds since 1970: never the disk's, which differ by machine.
  int64_t file_time = 0;
  // The login for a registry's host as BuildKit names it; may be empty.
  std::function<absl::StatusOr<std::optional<credentials::Credential>>(const std::string& host)>
      login;
  // By id.
  std::map<std::string, base::Secret> secrets;
  // Sockets of SSH agents, by id.
  std::map<std::string, std::string> ssh_agents;
  // Takes the file that a tar exporter makes; null: there is none. Closed at its end.
  base::ByteSink* result = nullptr;
  // Told the bytes of files as they leave. May be empty.
  std::function<void(uint64_t bytes)> sent;
};

// Serves one build's content to a BuildKit daemon over a connection that somebody else makes.
// Thread-safe.
class Session {
 public:
  // Makes the server; nobody can reach it before Attach.
  static absl::StatusOr<std::unique_ptr<Session>> Start(SessionContent content);
  // Ends calls on their way.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Random; names this session in the build's request.
  const std::string& id() const { return id_; }
  // What a daemon wants to know of a session before it uses it: names and values of headers
  // ("X-Docker-Expose-Session-Uuid", ...), some of them several times.
  std::vector<std::pair<std::string, std::string>> Headers() const;

  // Serves on `connection`, whose other end is a daemon's HTTP/2 client.
  absl::Status Attach(base::FileDescriptor connection);

 private:
  class Body;
  Session(std::string id, std::unique_ptr<Body> body);

  const std::string id_;
  const std::unique_ptr<Body> body_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_SESSION_H_
