// From an assignment to a pushed manifest, or to moved tags.

#ifndef STEVEDORE_WORKER_TASK_RUNNER_H_
#define STEVEDORE_WORKER_TASK_RUNNER_H_

#include <memory>
#include <stop_token>

#include "base/clock.h"
#include "worker/context_provider.h"
#include "worker/drivers/driver.h"
#include "worker/executor.h"
#include "worker/parent_cache.h"
#include "worker/repository_provider.h"

namespace stevedore::v1 {
class BuildRun;
}  // namespace stevedore::v1

namespace stevedore::worker {

// Does build runs (known result still there? parents, contexts, driver, push by digest) and commit
// runs (commit.h). Thread-safe.
class TaskRunner final : public Executor {
 public:
  // None is owned; all must outlive the runner.
  TaskRunner(RepositoryProvider* repositories, ContextProvider* contexts, const DriverSet* drivers)
      : repositories_(repositories), contexts_(contexts), drivers_(drivers) {}

  // A failure is of class USER if the driver says the definition or its input is wrong, else
  // INFRASTRUCTURE.
  v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                      std::stop_token stop) override;

 private:
  v1::Outcome Build(const v1::BuildRun& run, RunMonitor& monitor, std::stop_token stop);

  RepositoryProvider* const repositories_;
  ContextProvider* const contexts_;
  const DriverSet* const drivers_;
  ParentCache parents_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_TASK_RUNNER_H_
