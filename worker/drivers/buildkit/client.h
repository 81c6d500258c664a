// Client of a BuildKit daemon: its own, or the one inside a Docker engine.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_CLIENT_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "transfer/docker_engine.h"
#include "worker/drivers/buildkit/address.h"
#include "worker/drivers/buildkit/session.h"

namespace moby::buildkit::v1 {
class StatusResponse;
}  // namespace moby::buildkit::v1

namespace stevedore::worker {

// One place of a build cache, as `--cache-from` and `--cache-to` name it.
struct CachePlace {
  std::string type;  // "registry", "inline", "local", "gha", "s3".
  std::map<std::string, std::string> attributes;
};

// One build as BuildKit takes it. A value.
struct Solve {
  std::string frontend = "dockerfile.v0";
  std::map<std::string, std::string> frontend_attributes;
  std::string exporter;  // "moby", "oci", "image"; empty: nothing comes out.
  std::map<std::string, std::string> exporter_attributes;
  std::vector<CachePlace> cache_from;
  std::vector<CachePlace> cache_to;
  std::vector<std::string> entitlements;
  absl::Duration timeout = absl::InfiniteDuration();
};

// Thread-safe.
class BuildkitClient {
 public:
  // Called from one thread at a time.
  using OnStatus = std::function<void(const moby::buildkit::v1::StatusResponse& status)>;

  virtual ~BuildkitClient() = default;

  // For messages: "unix:///run/buildkit/buildkitd.sock".
  virtual std::string name() const = 0;

  // Builds, serving `session` meanwhile. What the exporter answers ("containerimage.digest" and
  // more). FAILED_PRECONDITION with BuildKit's words when the build fails; UNAVAILABLE with the
  // remedy when the daemon cannot be reached or goes away; DEADLINE_EXCEEDED after
  // `solve.timeout`; CANCELLED after `stop`. In each case the daemon has ended the build, or is
  // gone, when this returns.
  absl::StatusOr<std::map<std::string, std::string>> Run(const Solve& solve, Session& session,
                                                         const OnStatus& on_status,
                                                         std::stop_token stop);

  // Connects to a daemon of its own at the first Run.
  static absl::StatusOr<std::unique_ptr<BuildkitClient>> Create(const BuildkitAddress& address);
  // Goes through `engine`, which must outlive the client.
  static std::unique_ptr<BuildkitClient> Create(transfer::DockerEngine* engine);

 protected:
  // Connections of one build; gone with this object, which must not outlive the session.
  class Connection;
  virtual absl::StatusOr<std::unique_ptr<Connection>> Connect(Session& session,
                                                              std::stop_token stop) = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_CLIENT_H_
