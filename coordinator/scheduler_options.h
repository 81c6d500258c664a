// The numbers a scheduler decides by.

#ifndef STEVEDORE_COORDINATOR_SCHEDULER_OPTIONS_H_
#define STEVEDORE_COORDINATOR_SCHEDULER_OPTIONS_H_

#include "absl/time/time.h"

namespace stevedore::coordinator {

// Defaults are those of a fleet; tests make them smaller. Durations named "lease clock" stand still
// while the ledger does not answer or the coordinator pauses.
struct SchedulerOptions {
  // Lease clock: a worker that does not Sync for `lease` + `grace` is lost.
  absl::Duration lease = absl::Seconds(15);
  absl::Duration grace = absl::Seconds(5);
  // Lease clock: a build without watcher and without `detach` is cancelled after this.
  absl::Duration orphan = absl::Seconds(60);
  // A result that a worker saw in the repository so recently is reused without asking it. Zero:
  // always ask.
  absl::Duration trust_results = absl::Minutes(10);
  // Tries of one run that end by the fault of worker, network or registry.
  int infrastructure_attempts = 3;
  // Wait before a run is tried again; doubles.
  absl::Duration retry_delay = absl::Seconds(1);
  // A build key that lost so many workers is refused for `poison_time`: its build fails at once.
  int poison_losses = 3;
  absl::Duration poison_time = absl::Hours(1);
  // Lease clock: nothing matches a task's platform.
  absl::Duration unschedulable_warning = absl::Seconds(30);
  absl::Duration unschedulable = absl::Minutes(15);
  // Most wall time of one attempt.
  absl::Duration time_limit = absl::Minutes(60);
  // Most tasks of one build, and most unfinished ones of all builds.
  int build_tasks = 50'000;
  int queue_tasks = 200'000;
  // Ages of records in the ledger.
  absl::Duration result_lifetime = absl::Hours(24 * 30);
  absl::Duration stat_lifetime = absl::Hours(24 * 30);
  absl::Duration build_lifetime = absl::Hours(72);
  // Ended builds that stay in memory for lists and watchers.
  int ended_builds = 200;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_SCHEDULER_OPTIONS_H_
