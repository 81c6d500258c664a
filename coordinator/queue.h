// One queue of builds: what the coordinator's gRPC services and the CLI's embedded builds both
// call.

#ifndef STEVEDORE_COORDINATOR_QUEUE_H_
#define STEVEDORE_COORDINATOR_QUEUE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "coordinator/ledger.h"
#include "coordinator/scheduler_options.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::coordinator {

// What a queue is told at start.
struct QueueOptions {
  // What GetServer says and tasks carry: "host:port/name". Empty: contexts are read where they are
  // (embedded).
  std::string artifact_repository;
  // What GetServer tells clients to seal credentials to; empty: nothing.
  std::string sealing_public_key;
  // Version text for GetServer.
  std::string version;
  // How long a leader record must stand still before this coordinator claims it. Zero: claim at
  // once.
  absl::Duration takeover = absl::Seconds(5);
  // Longest wait of a Sync of a worker that runs something (+- 10 %), and of an idle one.
  absl::Duration busy_sync = absl::Seconds(5);
  absl::Duration idle_sync = absl::Seconds(30);
  // Least time between two answers to one watcher while only progress changed.
  absl::Duration watch_interval = absl::Milliseconds(100);
  SchedulerOptions scheduler;
};

// Messages in, messages out; owns the scheduler, its lock, a thread that writes the ledger (group
// commit) and one that ticks. Every answer waits until the ledger has what it shows.
//
// Each call takes a `Deliver` that is called exactly once, with no lock held, from any thread,
// possibly before the call returns. Errors of every call beside those in the .proto: UNAVAILABLE
// (this coordinator does not lead, with the leader's address as payload `kLeaderPayload` if it
// knows one; or the ledger does not answer: repeat with back-off); CANCELLED after Abandon or when
// the queue is destroyed. Thread-safe.
class Queue {
 public:
  template <typename Response>
  using Deliver = absl::AnyInvocable<void(absl::StatusOr<Response>) &&>;

  // Names a waiting call; 0 is none.
  using WaitId = uint64_t;

  // URL of the status payload that holds the leader's address.
  static constexpr char kLeaderPayload[] = "stevedore-leader";

  // One step of a watch. After `last` the build has ended and all was shown.
  struct WatchAnswer {
    v1::WatchBuildResponse response;
    bool last = false;
  };

  // `clock` must outlive the queue.
  Queue(QueueOptions options, std::unique_ptr<Ledger> ledger,
        const base::Clock* clock = &base::Clock::System());
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  // Stops, if Stop was not called.
  ~Queue();

  // Starts the threads; from now on it tries to lead, as `address`: this coordinator, as clients
  // and workers dial it. Call once. Calls before it are answered UNAVAILABLE.
  void Start(std::string address = "embedded");

  // Waits until it leads. DEADLINE_EXCEEDED with the reason if it does not within `timeout`.
  absl::Status AwaitLeadership(absl::Duration timeout);

  // Gives leadership up, so that a standby may claim at once, answers all waiting calls UNAVAILABLE
  // and joins.
  void Stop();

  // True if calls are answered: it leads and the ledger answers.
  bool ready() const;

  v1::GetServerResponse GetServer() const;

  // What SubmitBuild would do, without doing it.
  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(const Submission& submission);

  void SubmitBuild(Submission submission, Deliver<v1::SubmitBuildResponse> deliver);

  // One step of a watch: answers as soon as there is something newer than the request's `resume_id`
  // (all tasks when it is empty or unknown; in portions when there are many). Call again with the
  // answer's resume id until `last`. A build counts as watched while such a call waits.
  WaitId WatchBuild(v1::WatchBuildRequest request, Deliver<WatchAnswer> deliver);

  void GetBuild(const v1::GetBuildRequest& request, Deliver<v1::GetBuildResponse> deliver);
  void ListBuilds(const v1::ListBuildsRequest& request, Deliver<v1::ListBuildsResponse> deliver);
  void CancelBuild(const v1::CancelBuildRequest& request, Deliver<v1::CancelBuildResponse> deliver);

  // One piece of a task's log from the request's `offset` on, as soon as there is one. Call again
  // with the offset after its data until `complete`. While such a call waits (and 5 s after) the
  // worker is asked for the log.
  WaitId TailLog(v1::TailLogRequest request, Deliver<v1::TailLogResponse> deliver);

  // The worker's one call; waits as worker_service.proto says.
  WaitId Sync(v1::SyncRequest request, Deliver<v1::SyncResponse> deliver);

  // Takes a piece of a log. Errors as WorkerService.AppendLog.
  absl::Status AppendLog(const v1::AppendLogRequest& request);

  // Ends a waiting call: it is delivered CANCELLED, unless its answer is on the way already. Any id
  // is fine.
  void Abandon(WaitId id);

 private:
  class Body;
  std::unique_ptr<Body> body_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_QUEUE_H_
