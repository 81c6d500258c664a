// The worker's side of the Sync protocol.

#ifndef STEVEDORE_WORKER_AGENT_H_
#define STEVEDORE_WORKER_AGENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "worker/executor.h"
#include "worker/sync_channel.h"

namespace stevedore::worker {

// What an agent says about itself and when it calls.
struct AgentOptions {
  // Random per process; empty: the agent chooses one.
  std::string worker_id;
  // For people.
  std::string worker_name;
  // Platforms it takes tasks for, "linux/amd64".
  std::vector<std::string> platforms;
  // Runs at once.
  int slots = 1;
  // How long Drain lets runs finish before it hands them back.
  absl::Duration drain_timeout = absl::Seconds(900);
  // How long it then waits for the coordinator to know.
  absl::Duration farewell_timeout = absl::Seconds(15);
  // Least time between two calls; between two because of a new phase; because of progress.
  absl::Duration call_interval = absl::Milliseconds(2);
  absl::Duration phase_interval = absl::Milliseconds(50);
  absl::Duration progress_interval = absl::Milliseconds(500);
  // Longest pause after a failed call.
  absl::Duration retry_limit = absl::Seconds(2);
  // Deadline of a call while something runs, and while nothing does: above the coordinator's
  // longest waits.
  absl::Duration busy_timeout = absl::Seconds(10);
  absl::Duration idle_timeout = absl::Seconds(40);
  // As the coordinator has it (scheduler options): how long a run lives after the last call that
  // was answered.
  absl::Duration lease = absl::Seconds(15);
};

// Keeps one Sync call waiting at the coordinator, starts and stops runs as its answers say, and
// reports outcomes until they are known there. Owns one thread for the loop and one per slot.
// Thread-safe.
class Agent {
 public:
  // Neither is owned; both must outlive the agent.
  Agent(AgentOptions options, SyncChannel* channel, Executor* executor,
        const base::Clock* clock = &base::Clock::System());
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  // Stops what runs (as HandBack) and waits for it, but not for the coordinator.
  ~Agent();

  // Starts calling. Once.
  void Start();

  // Takes no more runs, lets the present ones finish within the drain timeout, hands back the rest,
  // and ends.
  void Drain();

  // As Drain with no time left: stops all runs now and hands them back.
  void HandBack();

  // Waits until the agent has ended after Drain or HandBack: all runs have ended, and the
  // coordinator knows or the farewell timeout is over. True if it knows.
  bool Await();

  // Runs that have started and not ended.
  int running_count() const;

 private:
  class Body;
  // Shared with callbacks of calls on their way.
  const std::shared_ptr<Body> body_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_AGENT_H_
