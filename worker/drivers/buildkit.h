// Images built by BuildKit.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "http/client.h"
#include "transfer/docker_engine.h"
#include "worker/drivers/buildkit/client.h"
#include "worker/drivers/docker_export.h"
#include "worker/drivers/docker_parents.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// Builds Dockerfiles with the daemon that BUILDKIT_HOST names, or else with the BuildKit inside the
// Docker engine that DOCKER_HOST and its like name. Files, logins, secrets and agents are served to
// it while it builds; steps become lines of the log. See docs/buildkit_driver.md.
class BuildkitDriver final : public Driver {
 public:
  // `environment` is what BuildkitAddress::FromEnvironment and transfer::DockerEngineAddress read,
  // and where `secrets: [{env: …}]` and SSH_AUTH_SOCK are looked up.
  BuildkitDriver(const DriverResources& resources, std::map<std::string, std::string> environment)
      : resources_(resources), environment_(std::move(environment)) {}

  absl::string_view name() const override { return "buildkit"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;

 private:
  friend class BuildkitBuild;

  // A daemon; `engine` and `parents` are null for one of its own. Made when the first image wants
  // it.
  struct Place {
    std::unique_ptr<transfer::DockerEngine> engine;
    std::unique_ptr<DockerParents> parents;
    std::unique_ptr<BuildkitClient> client;
  };

  absl::StatusOr<Place*> GetPlace() ABSL_LOCKS_EXCLUDED(mu_);

  const DriverResources resources_;
  const std::map<std::string, std::string> environment_;
  http::Client http_;
  ArchiveNames names_;
  base::Mutex mu_;
  std::unique_ptr<Place> place_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_H_
