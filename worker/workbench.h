// Everything a run works with.

#ifndef STEVEDORE_WORKER_WORKBENCH_H_
#define STEVEDORE_WORKER_WORKBENCH_H_

#include <memory>
#include <stop_token>
#include <string>

#include "base/memory_budget.h"
#include "context/git_mirrors.h"
#include "context/pack_cache.h"
#include "credentials/bundle.h"
#include "credentials/credential_store.h"
#include "credentials/record_store.h"
#include "http/client.h"
#include "transfer/registry_client.h"
#include "worker/context_provider.h"
#include "worker/drivers/driver.h"
#include "worker/executor.h"
#include "worker/git_context_provider.h"
#include "worker/registry_provider.h"
#include "worker/task_runner.h"

namespace stevedore::worker {

// What all benches of a worker share. Nothing is owned; all must outlive the benches.
struct WorkbenchResources {
  http::Client* http = nullptr;
  transfer::RegistryClientOptions registry;
  context::PackCache* packs = nullptr;
  // Null: git contexts cannot be read.
  context::GitMirrors* git = nullptr;
  base::MemoryBudget* budget = nullptr;
  // Threads that compress inside one build.
  int threads = 1;
  std::string cache_directory;
};

// Who a bench is to others. Nothing is owned.
struct WorkbenchCredentials {
  // For registries. Never null.
  const credentials::CredentialStore* logins = nullptr;
  // By the id that definitions name: git. Null: there are none.
  const credentials::RecordStore* records = nullptr;
};

// A registry client, contexts and drivers that act with one set of credentials. Thread-safe.
class Workbench final : public Executor {
 public:
  // `credentials` must outlive the bench.
  Workbench(const WorkbenchResources& resources, const WorkbenchCredentials& credentials);

  v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                      std::stop_token stop) override;

 private:
  transfer::RegistryClient client_;
  RegistryProvider repositories_;
  PackContextProvider packs_;
  GitContextProvider contexts_;
  const DriverSet drivers_;
  TaskRunner runner_;
};

// A bench that prefers what came with a build to `own`, which must outlive it. Thread-safe.
std::unique_ptr<Executor> OpenSealedWorkbench(const WorkbenchResources& resources,
                                              const WorkbenchCredentials& own,
                                              credentials::CredentialBundle bundle);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_WORKBENCH_H_
