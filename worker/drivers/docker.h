// Images built by a Docker engine.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKER_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "http/client.h"
#include "transfer/docker_engine.h"
#include "worker/drivers/docker_export.h"
#include "worker/drivers/docker_parents.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// Builds Dockerfiles with the classic builder of the engine that DOCKER_HOST and its like name: the
// context is streamed to it, its output goes to the log, the result comes back as layers and config
// of ours, and nothing but the engine's own cache of steps stays there. See docs/docker_driver.md.
class DockerDriver final : public Driver {
 public:
  // `environment` is what transfer::DockerEngineAddress::FromEnvironment reads.
  DockerDriver(const DriverResources& resources, std::map<std::string, std::string> environment)
      : resources_(resources), environment_(std::move(environment)) {}

  absl::string_view name() const override { return "docker"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;

 private:
  // The engine and what is lent to it; made when the first image wants it, so that a wrong
  // DOCKER_HOST matters to nobody else.
  struct Place {
    Place(http::Client* http, transfer::DockerEngineAddress address,
          const DriverResources& resources)
        : engine(http, std::move(address)), parents(&engine, resources) {}
    transfer::DockerEngine engine;
    DockerParents parents;
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

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKER_H_
