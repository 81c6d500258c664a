#include "worker/drivers/drivers.h"

#include <memory>
#include <utility>

#include "credentials/open_credentials.h"
#include "transfer/docker_engine_address.h"
#include "worker/drivers/ansible_playbook.h"
#include "worker/drivers/assemble.h"
#include "worker/drivers/buildkit.h"
#include "worker/drivers/docker.h"
#include "worker/drivers/native.h"
#include "worker/drivers/none.h"
#include "worker/drivers/sleep.h"

namespace stevedore::worker {

DriverSet CreateDrivers(const DriverResources& resources) {
  DriverSet drivers;
  const auto add = [&drivers](std::unique_ptr<Driver> driver) {
    std::string name(driver->name());
    drivers.emplace(std::move(name), std::move(driver));
  };
  add(std::make_unique<AnsiblePlaybookDriver>(resources, transfer::DockerEnvironment()));
  add(std::make_unique<AssembleDriver>(resources));
  add(std::make_unique<BuildkitDriver>(resources, credentials::ProcessEnvironment()));
  add(std::make_unique<DockerDriver>(resources, transfer::DockerEnvironment()));
  add(std::make_unique<NativeDriver>(resources));
  add(std::make_unique<SleepDriver>());
  add(std::make_unique<NoneDriver>());
  return drivers;
}

}  // namespace stevedore::worker
