// Images made by playbooks.

#ifndef STEVEDORE_WORKER_DRIVERS_ANSIBLE_PLAYBOOK_H_
#define STEVEDORE_WORKER_DRIVERS_ANSIBLE_PLAYBOOK_H_

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

// Runs `ansible-playbook`; the playbook makes the image and pushes it by itself. Afterwards the
// image is looked up where it should be, so that children build on its digest: in its registry, or,
// when nothing is pushed, in the Docker engine, from where it is taken. See docs/ansible.md.
// Thread-safe.
class AnsiblePlaybookDriver final : public Driver {
 public:
  // `environment` is what transfer::DockerEngineAddress::FromEnvironment reads. `program` is looked
  // up in PATH.
  AnsiblePlaybookDriver(const DriverResources& resources,
                        std::map<std::string, std::string> environment,
                        std::string program = "ansible-playbook")
      : resources_(resources), environment_(std::move(environment)), program_(std::move(program)) {}

  absl::string_view name() const override { return "ansible-playbook"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;

 private:
  // The engine that images are taken from when nothing is pushed; made when it is wanted.
  struct Place {
    Place(http::Client* http, transfer::DockerEngineAddress address,
          const DriverResources& resources)
        : engine(http, std::move(address)), parents(&engine, resources) {}
    transfer::DockerEngine engine;
    DockerParents parents;
  };

  absl::StatusOr<Place*> GetPlace() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<BuiltImage> TakeFromEngine(const BuildRequest& request, const std::string& name,
                                            const std::stop_token& stop);

  const DriverResources resources_;
  const std::map<std::string, std::string> environment_;
  const std::string program_;
  http::Client http_;
  ArchiveNames names_;
  base::Mutex mu_;
  std::unique_ptr<Place> place_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_ANSIBLE_PLAYBOOK_H_
