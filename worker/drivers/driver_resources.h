// What drivers are made with.

#ifndef STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_
#define STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_

#include <string>

#include "base/memory_budget.h"

namespace stevedore::credentials {
class CredentialStore;
}  // namespace stevedore::credentials

namespace stevedore::worker {

class RepositoryProvider;

// What all drivers of a process share.
struct DriverResources {
  // The large buffers of all layers of all builds come from here. Not owned.
  base::MemoryBudget* budget = nullptr;
  // Threads that compress inside one build; at least 1.
  int threads = 1;
  // Folder of the layer cache, made when needed; empty: no cache.
  std::string cache_directory;
  // Where results go and parents are read. Not owned; null only in tests of drivers that read no
  // images.
  RepositoryProvider* repositories = nullptr;
  // Registries, for images that are no parents (`FROM` and `COPY --from` of something made
  // elsewhere); asked when `repositories` does not have them. The same as `repositories` where that
  // is registries. Not owned; may be null.
  RepositoryProvider* registries = nullptr;
  // For engines, which log in by themselves. Not owned; null: anonymous.
  const credentials::CredentialStore* credentials = nullptr;
  // Folder for files that live as long as one build, made when needed; empty: the system's.
  std::string scratch_directory;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DRIVER_RESOURCES_H_
