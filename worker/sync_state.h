// What a worker knows about its runs: the pure part of the Sync protocol.

#ifndef STEVEDORE_WORKER_SYNC_STATE_H_
#define STEVEDORE_WORKER_SYNC_STATE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/agent.h"
#include "worker/executor.h"

namespace stevedore::worker {

// Names one attempt at one run.
struct RunKey {
  std::string run_id;
  int64_t term = 0;
  int64_t counter = 0;
  friend bool operator<(const RunKey& a, const RunKey& b) {
    return std::tie(a.run_id, a.term, a.counter) < std::tie(b.run_id, b.term, b.counter);
  }
};

// One attempt this worker has to do with. Which of its fields may be touched when is said by its
// owner: the agent's lock guards all but `monitor`, `stop` and what is constant.
struct AgentRun {
  RunKey key;
  v1::Assignment assignment;  // Constant.
  std::unique_ptr<RunMonitor> monitor;
  std::stop_source stop;

  std::optional<absl::Duration> start;  // SinceBoot, when the executor got it.
  bool timed_out = false;
  bool handed_back = false;
  std::optional<v1::Outcome> outcome;  // Set once it has ended.
  int64_t reported_seq = 0;            // First call that had it; 0: none.
  int64_t carried_seq = 0;             // First call that had its outcome.
  uint64_t reported_bytes = 0;         // Progress in the last call.

  // Log streaming, while the coordinator asks.
  bool log_wanted = false;
  bool log_in_flight = false;
  bool log_complete = false;  // All of it was sent, the end included.
  uint64_t log_offset = 0;    // Sent so far.
};

// Applies rules 1 to 6 of the protocol (worker_service.proto): no thread, no clock, no I/O; whoever
// drives it says what time it is and does what it answers. Not thread-safe.
class SyncState {
 public:
  using MakeMonitor = std::function<std::unique_ptr<RunMonitor>()>;

  // What an answer means.
  struct Actions {
    // False: the answer was stale (a lower seq than one accepted, or a lower term) and changed
    // nothing.
    bool accepted = false;
    bool lower_term = false;
    // True if anything follows from it: a start, a stop, an acknowledgement, a log.
    bool changed = false;
    std::vector<std::shared_ptr<AgentRun>> start;
    std::vector<std::shared_ptr<AgentRun>> cancel;
  };

  // `options` must outlive this.
  SyncState(const AgentOptions* options, std::string worker_id, MakeMonitor make_monitor)
      : options_(options),
        worker_id_(std::move(worker_id)),
        make_monitor_(std::move(make_monitor)) {}

  // The next call's message; `now` is SinceBoot.
  v1::SyncRequest MakeRequest(absl::Duration now);

  // Takes the answer to call `seq`.
  Actions Accept(int64_t seq, const v1::SyncResponse& response);

  // Notes how a run ended.
  void Finish(AgentRun& run, v1::Outcome outcome);

  // From now on no slots are free, and what is assigned all the same is handed back.
  void Drain() { draining_ = true; }
  // True once an answer to a call that said "draining" came.
  bool drain_known() const { return drain_seq_ > 0 && answered_seq_ >= drain_seq_; }

  const std::map<RunKey, std::shared_ptr<AgentRun>>& runs() const { return runs_; }
  // Acknowledged runs whose log is still being sent; the driver of this removes them.
  std::vector<std::shared_ptr<AgentRun>>& tails() { return tails_; }
  int running_count() const;
  int64_t term() const { return term_; }
  int64_t last_seq() const { return seq_; }
  const std::string& worker_id() const { return worker_id_; }

 private:
  void Report(AgentRun& run, v1::RunReport* report);
  void AcceptAssignment(const v1::Assignment& assignment, absl::Duration lease_until,
                        Actions* actions);
  void AcceptAbsence(int64_t seq, const std::map<RunKey, bool>& listed, Actions* actions);
  void AcceptLogRequests(const v1::SyncResponse& response, Actions* actions);
  void AddWarmDigest(const std::string& digest);

  const AgentOptions* const options_;
  const std::string worker_id_;
  const MakeMonitor make_monitor_;
  int64_t seq_ = 0;
  int64_t term_ = 0;
  int64_t answered_seq_ = 0;
  int64_t drain_seq_ = 0;  // First call that said "draining".
  bool draining_ = false;
  std::map<int64_t, absl::Duration> sent_;  // When calls not yet answered were made, by seq.
  std::map<RunKey, std::shared_ptr<AgentRun>> runs_;
  std::vector<std::shared_ptr<AgentRun>> tails_;
  std::deque<std::string> warm_;  // Newest last.
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_SYNC_STATE_H_
