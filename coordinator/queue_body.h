// What is behind Queue: the lock, the waiting calls and the two threads.

#ifndef STEVEDORE_COORDINATOR_QUEUE_BODY_H_
#define STEVEDORE_COORDINATOR_QUEUE_BODY_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "base/mutex.h"
#include "coordinator/log_relay.h"
#include "coordinator/queue.h"
#include "coordinator/scheduler.h"

namespace stevedore::coordinator {

// The implementation of Queue; see there. Thread-safe.
class Queue::Body {
 public:
  Body(QueueOptions options, std::unique_ptr<Ledger> ledger, const base::Clock* clock);
  ~Body();

  void Start(std::string address) ABSL_LOCKS_EXCLUDED(mu_);
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AwaitLeadership(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);
  bool ready() ABSL_LOCKS_EXCLUDED(mu_);
  v1::GetServerResponse GetServer() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(const Submission& submission)
      ABSL_LOCKS_EXCLUDED(mu_);
  void SubmitBuild(Submission submission, Deliver<v1::SubmitBuildResponse> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  WaitId WatchBuild(v1::WatchBuildRequest request, Deliver<WatchAnswer> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  void GetBuild(const v1::GetBuildRequest& request, Deliver<v1::GetBuildResponse> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  void ListBuilds(const v1::ListBuildsRequest& request, Deliver<v1::ListBuildsResponse> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  void CancelBuild(const v1::CancelBuildRequest& request, Deliver<v1::CancelBuildResponse> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  WaitId TailLog(v1::TailLogRequest request, Deliver<v1::TailLogResponse> deliver)
      ABSL_LOCKS_EXCLUDED(mu_);
  WaitId Sync(v1::SyncRequest request, Deliver<v1::SyncResponse> deliver) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AppendLog(const v1::AppendLogRequest& request) ABSL_LOCKS_EXCLUDED(mu_);
  void Abandon(WaitId id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class Mode : uint8_t { kStandby, kLeading, kStopped };

  // Deliveries to make once the lock is gone.
  using Calls = std::vector<absl::AnyInvocable<void() &&>>;

  // Collects deliveries under the lock and makes them after it: declare before the MutexLock.
  struct CallsAfterwards {
    ~CallsAfterwards() {
      for (auto& call : calls) std::move(call)();
    }
    Calls calls;
  };

  struct SyncWait {
    std::string worker_id;
    absl::Duration deadline;
    Deliver<v1::SyncResponse> deliver;
  };
  struct WatchWait {
    v1::WatchBuildRequest request;
    absl::Duration not_before;
    Deliver<WatchAnswer> deliver;
  };
  struct TailWait {
    v1::TailLogRequest request;
    int task = 0;
    Deliver<v1::TailLogResponse> deliver;
  };
  // An answer that waits until the ledger has write number `number`. Called with OK, or with why it
  // may not leave.
  struct Held {
    uint64_t number;
    absl::AnyInvocable<void(const absl::Status&) &&> deliver;
  };

  template <typename Response>
  static void Refuse(Deliver<Response> deliver, absl::Status status, Calls* calls) {
    calls->push_back([deliver = std::move(deliver), status = std::move(status)]() mutable {
      std::move(deliver)(std::move(status));
    });
  }

  // Lets `response` leave when the ledger has everything up to now.
  template <typename Response>
  void Hold(Deliver<Response> deliver, absl::StatusOr<Response> response, Calls* calls)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    auto answer = [deliver = std::move(deliver),
                   response = std::move(response)](const absl::Status& status) mutable {
      if (status.ok()) {
        std::move(deliver)(std::move(response));
      } else {
        std::move(deliver)(status);
      }
    };
    const uint64_t number = scheduler_->writes().last_number();
    if (number <= durable_) {
      calls->push_back([answer = std::move(answer)]() mutable { answer(absl::OkStatus()); });
    } else {
      held_.push_back({number, std::move(answer)});
      wake_writer_.Signal();
    }
  }

  // OK if calls may change anything now.
  absl::Status CheckLeading() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status NotLeading(absl::string_view why) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // queue_calls.cc: after every transition, answers what can be answered.
  void Pump(Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AnswerSync(WaitId id, Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AnswerWatches(Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AnswerTails(Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool TryWatch(WatchWait& wait, Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool TryTail(TailWait& wait, Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RefuseAll(const absl::Status& status, Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // queue_ledger.cc: the writer's thread and the ticker's.
  void RunWriter() ABSL_LOCKS_EXCLUDED(mu_);
  void RunTicker() ABSL_LOCKS_EXCLUDED(mu_);
  void Follow() ABSL_LOCKS_EXCLUDED(mu_);
  void LeadOnce() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status TakeOver(const std::optional<LeaderRecord>& stored) ABSL_LOCKS_EXCLUDED(mu_);
  // How writing went: kRewritten: the ledger had forgotten and now has everything, later writes
  // included. kStopped: this coordinator does not lead any more.
  enum class Written : uint8_t { kWritten, kRewritten, kStopped };
  bool WriteAll(std::vector<LedgerWrite> writes) ABSL_LOCKS_EXCLUDED(mu_);
  Written WriteBatch(const std::vector<LedgerWrite>& batch) ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<Written> RewriteLost() ABSL_LOCKS_EXCLUDED(mu_);
  void StepDown(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);
  void StepDownLocked(absl::string_view why, Calls* calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetLedgerAnswers(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void GiveUpLeadership() ABSL_LOCKS_EXCLUDED(mu_);
  void MeasureLedger() ABSL_LOCKS_EXCLUDED(mu_);
  bool Pause(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

  const QueueOptions options_;
  const base::Clock* const clock_;
  const std::unique_ptr<Ledger> ledger_;  // The writer's thread only.

  base::Mutex mu_;
  base::CondVar wake_writer_;
  base::CondVar mode_changed_;
  base::CondVar wake_ticker_;
  std::string address_ ABSL_GUARDED_BY(mu_);  // Set by Start.
  Mode mode_ ABSL_GUARDED_BY(mu_) = Mode::kStandby;
  bool stepped_down_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<Scheduler> scheduler_ ABSL_GUARDED_BY(mu_);
  LogRelay relay_ ABSL_GUARDED_BY(mu_);
  LeaderRecord leader_ ABSL_GUARDED_BY(mu_);  // As last seen; mine while leading.
  int64_t greatest_term_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status ledger_status_ ABSL_GUARDED_BY(mu_);  // Why the ledger does not answer.
  // Since when the ledger has owed an answer, if it does.
  std::optional<absl::Duration> asked_ledger_ ABSL_GUARDED_BY(mu_);
  bool ledger_full_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t durable_ ABSL_GUARDED_BY(mu_) = 0;   // The ledger has all writes up to this number.
  std::deque<Held> held_ ABSL_GUARDED_BY(mu_);  // By number.
  WaitId last_wait_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<WaitId, SyncWait> syncs_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, WaitId> sync_of_worker_ ABSL_GUARDED_BY(mu_);
  std::map<WaitId, WatchWait> watches_ ABSL_GUARDED_BY(mu_);
  std::map<WaitId, TailWait> tails_ ABSL_GUARDED_BY(mu_);
  // Which run's log was read for a task (build id, index): it stays readable for a while after the
  // end.
  std::map<std::pair<std::string, int>, std::string> tailed_runs_ ABSL_GUARDED_BY(mu_);

  absl::Duration last_measured_;  // The writer's thread only.
  std::jthread writer_;           // Last: joined first.
  std::jthread ticker_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_QUEUE_BODY_H_
