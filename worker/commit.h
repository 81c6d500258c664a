// Moves tags.

#ifndef STEVEDORE_WORKER_COMMIT_H_
#define STEVEDORE_WORKER_COMMIT_H_

#include <stop_token>

#include "worker/executor.h"
#include "worker/repository_provider.h"

namespace stevedore::v1 {
class CommitRun;
}  // namespace stevedore::v1

namespace stevedore::worker {

// Makes every reference of `run` name its digest: indexes are put by digest first; then per
// reference HEAD, equal is done, else PUT; in the end HEAD of all. Idempotent: what a lost attempt
// did is found done. Before each PUT it checks that the lease lives. The outcome has one tag status
// per reference; a manifest or blob that is not there any more is `missing_manifest`. Thread-safe.
v1::Outcome Commit(const v1::CommitRun& run, RepositoryProvider& repositories, RunMonitor& monitor,
                   std::stop_token stop);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_COMMIT_H_
