// The drivers that ship.

#ifndef STEVEDORE_WORKER_DRIVERS_DRIVERS_H_
#define STEVEDORE_WORKER_DRIVERS_DRIVERS_H_

#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// assemble, buildkit, docker, native, sleep and none, by name.
DriverSet CreateDrivers(const DriverResources& resources);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DRIVERS_H_
