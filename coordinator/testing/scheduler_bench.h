// A scheduler with workers that tests move by hand, in the domain's language.

#ifndef STEVEDORE_COORDINATOR_TESTING_SCHEDULER_BENCH_H_
#define STEVEDORE_COORDINATOR_TESTING_SCHEDULER_BENCH_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "coordinator/submission.h"

namespace stevedore::coordinator::testing {

// Turns "base; app: base; web: app base" into images with the platform linux/amd64 (or those after
// `@`: "base @linux/amd64,linux/arm64"), references "r/NAME:1", driver sleep.
Submission SubmissionOf(const std::string& request_id, const std::string& graph);

// One scheduler, its clock, and workers that behave as worker_service.proto says. Digests of
// results are "sha256:" + build key, unless a test says otherwise. Not thread-safe.
class SchedulerBench {
 public:
  explicit SchedulerBench(SchedulerOptions options = {});

  Scheduler& scheduler() { return *scheduler_; }
  absl::Time now() const { return now_; }

  // Returns the build's id; fails the test if it is refused.
  std::string Submit(const Submission& submission);
  std::string Submit(const std::string& request_id, const std::string& graph);

  // The worker calls with what it has; what the answer gives it and takes from it is done. Returns
  // what it works on now, sorted: "base app", commits as "commit". A call that waits for news is
  // answered with what it has.
  std::string Call(const std::string& worker, int slots = 100);

  // The worker ends work on an image (or "commit") and calls.
  void Succeed(const std::string& worker, const std::string& image, const std::string& digest = "");
  void Reuse(const std::string& worker, const std::string& image);
  void Fail(const std::string& worker, const std::string& image,
            v1::FailureClass failure_class = v1::FAILURE_CLASS_USER);
  void End(const std::string& worker, const std::string& image, const v1::Outcome& outcome);

  // Moves both clocks on in steps of 250 ms; `alive` call meanwhile once a second.
  void Pass(absl::Duration time, const std::vector<std::string>& alive = {});

  // Works on everything until the build has ended or nothing moves.
  void Drain(const std::string& worker = "w");

  // "app=running base=succeeded", sorted; states as the ledger writes them.
  std::string Show(const std::string& build_id) const;
  std::string State(const std::string& build_id) const;
  v1::TaskStatus Task(const std::string& build_id, const std::string& image) const;

  // A successor that has only what was written: the coordinator was killed and another took over.
  void TakeOver();

  // What `worker` works on: assignments by run id.
  std::map<std::string, v1::Assignment>& Work(const std::string& worker) {
    return fleet_[worker].work;
  }
  std::set<std::string> platforms = {"linux/amd64"};
  // Moves that were made: reference to digest.
  std::map<std::string, std::string> registry;

 private:
  struct FakeWorker {
    int64_t seq = 0;
    std::map<std::string, v1::Assignment> work;
    std::map<std::string, v1::Outcome> outcomes;
  };

  v1::SyncRequest Report(const std::string& worker, int slots);
  void Collect();
  std::string NameOf(const v1::Assignment& assignment) const;

  SchedulerOptions options_;
  absl::Time now_ = absl::FromUnixSeconds(1767225600);
  int64_t term_ = 1;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, FakeWorker> fleet_;
  // The ledger: key, field to value.
  std::map<std::string, std::map<std::string, std::string>> ledger_;
};

}  // namespace stevedore::coordinator::testing

#endif  // STEVEDORE_COORDINATOR_TESTING_SCHEDULER_BENCH_H_
