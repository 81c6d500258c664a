// What drivers are made with.

#ifndef STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_
#define STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_

#include <string>

#include "base/memory_budget.h"

namespace stevedore::worker {

// What all drivers of a process share.
struct DriverResources {
  // The large buffers of all layers of all builds come from here. Not owned.
  base::MemoryBudget* budget = nullptr;
  // Threads that compress inside one build; at least 1.
  int threads = 1;
  // Folder of the layer cache, made when needed; empty: no cache.
  std::string cache_directory;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_
