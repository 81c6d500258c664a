// What the agent hands a run to, and what the run tells meanwhile.

#ifndef STEVEDORE_WORKER_EXECUTOR_H_
#define STEVEDORE_WORKER_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "worker/run_log.h"

namespace stevedore::v1 {
class Assignment;
class Outcome;
}  // namespace stevedore::v1

namespace stevedore::worker {

// One run as others see it while it lasts: phase, progress, log, lease. Thread-safe.
class RunMonitor {
 public:
  // What is shown. `total_bytes` 0: not known.
  struct Progress {
    std::string phase;
    uint64_t done_bytes = 0;
    uint64_t total_bytes = 0;
  };

  // `phase_changed` is called after each change of phase, with no lock held; may be empty.
  explicit RunMonitor(std::function<void()> phase_changed = {},
                      const base::Clock* clock = &base::Clock::System())
      : phase_changed_(std::move(phase_changed)), clock_(clock) {}

  // Starts a phase ("context", "layer 2/3", "push"): its bytes count from 0.
  void SetPhase(absl::string_view phase, uint64_t total_bytes = 0) ABSL_LOCKS_EXCLUDED(mu_);
  // Bytes of the present phase that are done.
  void SetBytes(uint64_t done_bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void AddBytes(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  Progress progress() const ABSL_LOCKS_EXCLUDED(mu_);

  RunLog& log() { return log_; }
  // Appends `line` and a newline.
  void LogLine(absl::string_view line);

  // Whether the coordinator may still count on this run: false once the lease, as the worker knows
  // it, is over. A run without a lease (never set) lives for ever.
  bool LeaseLives() const ABSL_LOCKS_EXCLUDED(mu_);
  // On the clock's SinceBoot.
  void ExtendLease(absl::Duration until) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::function<void()> phase_changed_;
  const base::Clock* const clock_;
  RunLog log_;
  mutable base::Mutex mu_;
  Progress progress_ ABSL_GUARDED_BY(mu_);
  absl::Duration lease_until_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
};

// Does runs. Thread-safe: as many at once as the worker has slots.
class Executor {
 public:
  virtual ~Executor() = default;

  // Does the work of `assignment` and says how it ended; does not return before everything that it
  // started has ended. KIND_CANCELLED soon after `stop` was requested. The agent fills in duration
  // and log tail.
  virtual v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                              std::stop_token stop) = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_EXECUTOR_H_
