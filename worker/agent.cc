#include "worker/agent.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/sync_state.h"

namespace stevedore::worker {
namespace {

// Calls waiting at once: more means that nobody answers, and further ones would only pile up.
constexpr int kCallLimit = 8;
// An answer that came this fast and changed nothing is answered by a pause: a coordinator that is
// waiting for a run to stop must not be asked 500 times a second.
constexpr absl::Duration kQuickAnswer = absl::Milliseconds(50);
constexpr absl::Duration kStallLimit = absl::Milliseconds(500);
// Log pieces: whichever comes first.
constexpr size_t kLogPieceBytes = 64 << 10;
constexpr size_t kLogPieceLimit = 1 << 20;
constexpr absl::Duration kLogInterval = absl::Milliseconds(100);
constexpr size_t kLogTailBytes = 4096;
// Pause before a draining worker with nothing left calls once more, which makes the coordinator
// answer the call that said so.
constexpr absl::Duration kFarewellInterval = absl::Milliseconds(20);

uint64_t RandomSeed() {
  const std::string bytes = base::RandomBytes(8);
  uint64_t seed = 0;
  for (const char c : bytes) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

}  // namespace

// All of the agent. Shared with the callbacks of calls on their way, which may come late; after
// Shutdown they do nothing.
class Agent::Body : public std::enable_shared_from_this<Agent::Body> {
 public:
  Body(AgentOptions options, SyncChannel* channel, Executor* executor, const base::Clock* clock)
      : options_(std::move(options)),
        channel_(channel),
        executor_(executor),
        clock_(clock),
        pool_(std::make_unique<base::ThreadPool>("run", std::max(1, options_.slots))),
        state_(&options_, options_.worker_id.empty() ? base::RandomHex(16) : options_.worker_id,
               [this] { return std::make_unique<RunMonitor>([this] { PhaseChanged(); }, clock_); }),
        backoff_(NewBackoff()) {}

  void Start() {
    loop_ = std::jthread([this] { Loop(); });
  }

  void Drain(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    const absl::Duration until = clock_->SinceBoot() + timeout;
    drain_until_ = drain_until_.has_value() ? std::min(*drain_until_, until) : until;
    state_.Drain();
    urgent_ = true;
    changed_.SignalAll();
  }

  bool Await() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    while (!ended_) changed_.Wait(&mu_);
    return known_;
  }

  void Shutdown() ABSL_LOCKS_EXCLUDED(mu_) {
    std::vector<std::shared_ptr<AgentRun>> runs;
    {
      base::MutexLock lock(&mu_);
      shutdown_ = true;
      for (const auto& [key, run] : state_.runs()) runs.push_back(run);
      changed_.SignalAll();
    }
    for (const auto& run : runs) run->stop.request_stop();
    if (loop_.joinable()) loop_.join();
    pool_.reset();
  }

  absl::Duration drain_timeout() const { return options_.drain_timeout; }

  int running_count() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    return state_.running_count();
  }

 private:
  // What the loop does next, with the lock released.
  struct Work {
    std::optional<v1::SyncRequest> call;
    absl::Duration timeout;
    std::vector<std::pair<std::shared_ptr<AgentRun>, v1::AppendLogRequest>> pieces;
    std::vector<std::shared_ptr<AgentRun>> stop;
    bool empty() const { return !call.has_value() && pieces.empty() && stop.empty(); }
  };

  base::Backoff NewBackoff() const {
    return base::Backoff(absl::Milliseconds(250), options_.retry_limit, RandomSeed());
  }

  void Loop() ABSL_LOCKS_EXCLUDED(mu_) {
    while (true) {
      Work work;
      {
        base::MutexLock lock(&mu_);
        while (true) {
          const absl::Duration now = clock_->SinceBoot();
          absl::Duration wake = now + absl::Hours(1);
          work = NextWork(now, &wake);
          CheckEnd(now, &wake);
          if (shutdown_ || ended_ || !work.empty()) break;
          changed_.WaitFor(&mu_, wake - now);
        }
        if (shutdown_ || ended_) {
          ended_ = true;
          changed_.SignalAll();
          return;
        }
      }
      for (const auto& run : work.stop) run->stop.request_stop();
      for (auto& [run, piece] : work.pieces) SendPiece(run, piece);
      if (work.call.has_value()) Call(*work.call, work.timeout);
    }
  }

  Work NextWork(absl::Duration now, absl::Duration* wake) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Work work;
    CheckLimits(now, wake, &work);
    CollectPieces(now, wake, &work);
    const absl::Duration call_at = CallAt(now);
    if (call_at > now) {
      *wake = std::min(*wake, call_at);
      return work;
    }
    work.call = state_.MakeRequest(now);
    work.timeout = state_.runs().empty() ? options_.idle_timeout : options_.busy_timeout;
    last_call_ = now;
    awaited_seq_ = state_.last_seq();
    urgent_ = false;
    phase_news_ = false;
    ++calls_;
    return work;
  }

  // When the next call is due, as things stand.
  absl::Duration CallAt(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (calls_ >= kCallLimit) return absl::InfiniteDuration();
    absl::Duration at = absl::InfiniteDuration();
    if (awaited_seq_ == 0) at = next_call_;
    if (urgent_) at = std::min(at, now);
    if (phase_news_) at = std::min(at, last_call_ + options_.phase_interval);
    const absl::Duration progress_at = last_call_ + options_.progress_interval;
    if (progress_at < at && state_.running_count() > 0) {
      // If nothing moved, look again in a while.
      const bool call = now < progress_at || ProgressMoved();
      at = call ? progress_at : std::min(at, now + options_.progress_interval);
    }
    if (drain_until_.has_value() && state_.runs().empty() && !state_.drain_known()) {
      at = std::min(at, last_call_ + kFarewellInterval);
    }
    return std::max({at, last_call_ + options_.call_interval, retry_at_});
  }

  bool ProgressMoved() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const auto& [key, run] : state_.runs()) {
      if (!run->outcome.has_value() && run->monitor->progress().done_bytes != run->reported_bytes) {
        return true;
      }
    }
    return false;
  }

  // Time limits of runs, and the end of draining.
  void CheckLimits(absl::Duration now, absl::Duration* wake, Work* work)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const bool hand_back = drain_until_.has_value() && now >= *drain_until_;
    if (drain_until_.has_value() && !hand_back) *wake = std::min(*wake, *drain_until_);
    for (const auto& [key, run] : state_.runs()) {
      if (run->outcome.has_value() || run->stop.stop_requested()) continue;
      if (hand_back) {
        run->handed_back = true;
        work->stop.push_back(run);
        continue;
      }
      if (!run->start.has_value() || !run->assignment.build().has_time_limit()) continue;
      const auto& limit = run->assignment.build().time_limit();
      const absl::Duration end =
          *run->start + absl::Seconds(limit.seconds()) + absl::Nanoseconds(limit.nanos());
      if (now >= end) {
        run->timed_out = true;
        work->stop.push_back(run);
      } else {
        *wake = std::min(*wake, end);
      }
    }
  }

  // Pieces of the logs that somebody tails.
  void CollectPieces(absl::Duration now, absl::Duration* wake, Work* work)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    auto& tails = state_.tails();
    tails.erase(std::remove_if(tails.begin(), tails.end(),
                               [](const auto& run) { return !run->log_wanted; }),
                tails.end());
    std::vector<std::shared_ptr<AgentRun>> wanted = tails;
    for (const auto& [key, run] : state_.runs()) {
      if (run->log_wanted) wanted.push_back(run);
    }
    if (wanted.empty()) return;
    const bool due = now >= last_pieces_ + kLogInterval;
    *wake = std::min(*wake, due ? now + kLogInterval : last_pieces_ + kLogInterval);
    if (due) last_pieces_ = now;
    for (const auto& run : wanted) {
      if (run->log_in_flight) continue;
      const bool complete = run->outcome.has_value();
      const uint64_t size = run->monitor->log().size();
      if (!complete && size < run->log_offset + (due ? 1 : kLogPieceBytes)) continue;
      RunLog::Piece piece = run->monitor->log().Read(run->log_offset, kLogPieceLimit);
      v1::AppendLogRequest request;
      request.set_worker_id(state_.worker_id());
      request.set_run_id(run->key.run_id);
      request.mutable_attempt()->set_term(run->key.term);
      request.mutable_attempt()->set_counter(run->key.counter);
      request.set_offset(static_cast<int64_t>(piece.offset));
      request.set_complete(complete && piece.offset + piece.bytes.size() >= size);
      request.set_data(std::move(piece.bytes));
      run->log_in_flight = true;
      work->pieces.emplace_back(run, std::move(request));
    }
  }

  void SendPiece(const std::shared_ptr<AgentRun>& run, const v1::AppendLogRequest& piece)
      ABSL_LOCKS_EXCLUDED(mu_) {
    const uint64_t end = static_cast<uint64_t>(piece.offset()) + piece.data().size();
    const bool complete = piece.complete();
    channel_->AppendLog(piece, [weak = weak_from_this(), run, end, complete](absl::Status status) {
      const std::shared_ptr<Body> body = weak.lock();
      if (body == nullptr) return;
      base::MutexLock lock(&body->mu_);
      run->log_in_flight = false;
      run->log_offset = end;
      // Nobody reads it any more, or not from here: the next answer says from where.
      if (!status.ok() || complete) run->log_wanted = false;
      run->log_complete = status.ok() && complete;
      // A further call makes the coordinator answer the one that waits.
      if (absl::IsOutOfRange(status)) body->urgent_ = true;
      body->changed_.SignalAll();
    });
  }

  void Call(const v1::SyncRequest& request, absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_) {
    channel_->Sync(request, timeout,
                   [weak = weak_from_this(), seq = request.seq()](
                       absl::StatusOr<std::unique_ptr<v1::SyncResponse>> response) {
                     if (const auto body = weak.lock()) body->Answered(seq, std::move(response));
                   });
  }

  void Answered(int64_t seq, absl::StatusOr<std::unique_ptr<v1::SyncResponse>> response)
      ABSL_LOCKS_EXCLUDED(mu_) {
    SyncState::Actions actions;
    {
      base::MutexLock lock(&mu_);
      --calls_;
      if (shutdown_) return;
      const absl::Duration now = clock_->SinceBoot();
      if (response.ok()) actions = state_.Accept(seq, **response);
      if (!response.ok() || actions.lower_term) {
        NoteFailure(seq, now, response.status());
      } else if (actions.accepted) {
        NoteSuccess(seq, now, actions.changed);
      }
      for (const auto& run : actions.start) {
        pool_->Schedule([this, run] { Execute(run); });
      }
      changed_.SignalAll();
    }
    if (actions.lower_term) channel_->Reconnect();
    for (const auto& run : actions.cancel) run->stop.request_stop();
  }

  void NoteFailure(int64_t seq, absl::Duration now, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    // Failures of calls that were overtaken say nothing about the present.
    if (seq != awaited_seq_) return;
    awaited_seq_ = 0;
    // Never at once: a coordinator that refuses quickly must not be called in a loop.
    retry_at_ = now + std::max(absl::Milliseconds(20), backoff_->Next());
    next_call_ = retry_at_;
    if (connected_) {
      base::Log(base::LogLevel::kWarning, "coordinator does not answer; trying again",
                {{"cause", std::string(status.message())}});
    }
    connected_ = false;
  }

  void NoteSuccess(int64_t seq, absl::Duration now, bool changed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!connected_) {
      base::Log(base::LogLevel::kInfo, "connected to the coordinator",
                {{"term", state_.term()}, {"worker", options_.worker_name}});
    }
    connected_ = true;
    backoff_.emplace(NewBackoff());
    retry_at_ = absl::ZeroDuration();
    if (seq != awaited_seq_) return;
    awaited_seq_ = 0;
    if (changed || now - last_call_ >= kQuickAnswer) {
      stall_ = absl::Milliseconds(5);
      next_call_ = now;
    } else {
      next_call_ = now + stall_;
      stall_ = std::min(stall_ * 2, kStallLimit);
    }
  }

  void PhaseChanged() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    if (phase_news_) return;
    phase_news_ = true;
    changed_.SignalAll();
  }

  void Execute(const std::shared_ptr<AgentRun>& run) ABSL_LOCKS_EXCLUDED(mu_) {
    const absl::Duration start = clock_->SinceBoot();
    {
      base::MutexLock lock(&mu_);
      run->start = start;
      changed_.SignalAll();  // The time limit starts.
    }
    v1::Outcome outcome;
    outcome.set_kind(v1::Outcome::KIND_CANCELLED);
    if (!run->stop.stop_requested()) {
      outcome = executor_->Execute(run->assignment, *run->monitor, run->stop.get_token());
    }
    const absl::Duration took = clock_->SinceBoot() - start;
    outcome.mutable_duration()->set_seconds(absl::ToInt64Seconds(took));
    outcome.mutable_duration()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(took % absl::Seconds(1))));
    if (outcome.kind() == v1::Outcome::KIND_FAILED) {
      outcome.set_log_tail(run->monitor->log().Tail(kLogTailBytes));
    }
    base::MutexLock lock(&mu_);
    if (outcome.kind() == v1::Outcome::KIND_CANCELLED) Explain(*run, &outcome);
    state_.Finish(*run, std::move(outcome));
    urgent_ = true;
    changed_.SignalAll();
  }

  // Says why a run was stopped, where it was not the coordinator's wish.
  static void Explain(const AgentRun& run, v1::Outcome* outcome) {
    if (run.handed_back) {
      outcome->set_kind(v1::Outcome::KIND_HANDED_BACK);
    } else if (run.timed_out) {
      outcome->set_kind(v1::Outcome::KIND_FAILED);
      outcome->set_failure_class(v1::FAILURE_CLASS_USER);
      outcome->set_error(absl::StrCat(
          run.assignment.build().image().id(), ": ran longer than its limit of ",
          run.assignment.build().time_limit().seconds(),
          " s and was stopped; make the build shorter or raise the image's time limit"));
      outcome->set_log_tail(run.monitor->log().Tail(kLogTailBytes));
    }
  }

  // Ends a drained agent.
  void CheckEnd(absl::Duration now, absl::Duration* wake) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!drain_until_.has_value() || state_.running_count() > 0) return;
    if (state_.runs().empty() && state_.drain_known()) {
      known_ = true;
      ended_ = true;
      return;
    }
    // Nothing to report, and nobody to tell it. While a call waits, its answer may bring a run that
    // has to be handed back.
    if (state_.runs().empty() && !connected_ && awaited_seq_ == 0) ended_ = true;
    if (!farewell_until_.has_value()) farewell_until_ = now + options_.farewell_timeout;
    if (now >= *farewell_until_) ended_ = true;
    *wake = std::min(*wake, *farewell_until_);
  }

  const AgentOptions options_;
  SyncChannel* const channel_;
  Executor* const executor_;
  const base::Clock* const clock_;
  std::unique_ptr<base::ThreadPool> pool_;  // Constant until Shutdown.
  std::jthread loop_;                       // Touched by Start and Shutdown only.

  base::Mutex mu_;
  base::CondVar changed_;
  SyncState state_ ABSL_GUARDED_BY(mu_);
  // An optional, as it cannot be assigned.
  std::optional<base::Backoff> backoff_ ABSL_GUARDED_BY(mu_);
  int calls_ ABSL_GUARDED_BY(mu_) = 0;            // On their way.
  int64_t awaited_seq_ ABSL_GUARDED_BY(mu_) = 0;  // The newest call; 0 once it is answered.
  bool urgent_ ABSL_GUARDED_BY(mu_) = false;
  bool phase_news_ ABSL_GUARDED_BY(mu_) = false;
  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  // All on SinceBoot.
  absl::Duration last_call_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Duration next_call_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Duration retry_at_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Duration last_pieces_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Duration stall_ ABSL_GUARDED_BY(mu_) = absl::Milliseconds(5);
  std::optional<absl::Duration> drain_until_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Duration> farewell_until_ ABSL_GUARDED_BY(mu_);
  bool shutdown_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool known_ ABSL_GUARDED_BY(mu_) = false;
};

Agent::Agent(AgentOptions options, SyncChannel* channel, Executor* executor,
             const base::Clock* clock)
    : body_(std::make_shared<Body>(std::move(options), channel, executor, clock)) {}

Agent::~Agent() { body_->Shutdown(); }

void Agent::Start() { body_->Start(); }

void Agent::Drain() { body_->Drain(body_->drain_timeout()); }

void Agent::HandBack() { body_->Drain(absl::ZeroDuration()); }

bool Agent::Await() { return body_->Await(); }

int Agent::running_count() const { return body_->running_count(); }

}  // namespace stevedore::worker
