// Runs that bring their credentials along.

#ifndef STEVEDORE_WORKER_SEALED_RUNS_H_
#define STEVEDORE_WORKER_SEALED_RUNS_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "credentials/bundle.h"
#include "credentials/sealing.h"
#include "worker/executor.h"

namespace stevedore::v1 {
class SealedCredentials;
}  // namespace stevedore::v1

namespace stevedore::worker {

// Gives runs with sealed credentials a bench of their own, which lives as long as runs of that
// build do; the others go to the worker's. Thread-safe.
class SealedRuns final : public Executor {
 public:
  // Makes a bench that acts with `bundle`. Called from any thread.
  using OpenBench = std::function<std::unique_ptr<Executor>(credentials::CredentialBundle bundle)>;

  // `own` does runs without sealed credentials; it and `keys` must outlive this.
  SealedRuns(Executor* own, const credentials::SealingKeyring* keys, OpenBench open_bench)
      : own_(own), keys_(keys), open_bench_(std::move(open_bench)) {}

  // Credentials that do not open fail the run with class INFRASTRUCTURE: another worker may have
  // the key.
  v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                      std::stop_token stop) override;

 private:
  absl::StatusOr<std::shared_ptr<Executor>> BenchFor(const v1::SealedCredentials& sealed)
      ABSL_LOCKS_EXCLUDED(mu_);

  Executor* const own_;
  const credentials::SealingKeyring* const keys_;
  const OpenBench open_bench_;
  base::Mutex mu_;
  // By sealed text, which differs for each submission. Shared by the runs that are on it.
  std::map<std::string, std::weak_ptr<Executor>> benches_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_SEALED_RUNS_H_
