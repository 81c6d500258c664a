#include "worker/sealed_runs.h"

#include "base/secret.h"
#include "base/status.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::worker {

v1::Outcome SealedRuns::Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                                std::stop_token stop) {
  if (!assignment.has_sealed_credentials()) {
    return own_->Execute(assignment, monitor, std::move(stop));
  }
  const absl::StatusOr<std::shared_ptr<Executor>> bench = BenchFor(assignment.sealed_credentials());
  if (bench.ok()) return (*bench)->Execute(assignment, monitor, std::move(stop));
  monitor.LogLine(bench.status().message());
  v1::Outcome outcome;
  outcome.set_kind(v1::Outcome::KIND_FAILED);
  outcome.set_failure_class(v1::FAILURE_CLASS_INFRASTRUCTURE);
  outcome.set_error(std::string(bench.status().message()));
  return outcome;
}

absl::StatusOr<std::shared_ptr<Executor>> SealedRuns::BenchFor(
    const v1::SealedCredentials& sealed) {
  // Whoever holds a text knows no secret: opening it comes first, each time.
  ASSIGN_OR_RETURN(const base::Secret text, keys_->Open(sealed.text(), sealed.request_id()));
  base::MutexLock lock(&mu_);
  std::erase_if(benches_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Executor>& known = benches_[sealed.text()];
  if (std::shared_ptr<Executor> bench = known.lock()) return bench;
  ASSIGN_OR_RETURN(credentials::CredentialBundle bundle, credentials::ParseBundle(text));
  std::shared_ptr<Executor> bench = open_bench_(std::move(bundle));
  known = bench;
  return bench;
}

}  // namespace stevedore::worker
