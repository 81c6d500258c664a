// Attempts: how a run gets to a worker, and how it ends.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/scheduler.h"

namespace stevedore::coordinator {
namespace {

// Most times that workers may hand one run back because they cannot take it now.
constexpr int kHandBacks = 20;

absl::Duration DurationOf(const v1::Outcome& outcome, absl::Time start, absl::Time now) {
  if (outcome.has_duration()) {
    return absl::Seconds(outcome.duration().seconds()) +
           absl::Nanoseconds(outcome.duration().nanos());
  }
  return now - start;
}

}  // namespace

Run* Scheduler::CreateRun(std::string id) {
  auto run = std::make_unique<Run>();
  run->id = std::move(id);
  run->sequence = ++run_sequence_;
  Run* const added = run.get();
  runs_[added->id] = std::move(run);
  return added;
}

void Scheduler::Restore(Run* run, const LoadedRun& loaded, absl::Time now) {
  run->attempt_count = loaded.attempt_count;
  run->infrastructure_failures = loaded.infrastructure_failures;
  run->user_failures = loaded.user_failures;
  run->losses = loaded.losses;
  run->in_ledger = true;
  if (loaded.worker_id.empty()) {
    MakeReady(run);
    return;
  }
  // The worker may well be on it: it has a whole lease to say so.
  std::unique_ptr<Worker>& worker = workers_[loaded.worker_id];
  if (worker == nullptr) {
    worker = std::make_unique<Worker>();
    worker->id = loaded.worker_id;
    worker->name = loaded.worker_name;
    worker->expected = true;
    worker->last_seen = lease_clock_;
  }
  run->state = Run::State::kLeased;
  run->attempt = loaded.attempt;
  run->worker = worker.get();
  run->start = loaded.start;
  worker->runs[run->id] = run;
  if (!run->is_commit()) ++run->owner->slots_in_use[run->platform_number];
  ShowRunning(run, now);
}

void Scheduler::MakeReady(Run* run) {
  run->state = Run::State::kReady;
  run->ready_since = lease_clock_;
  ready_.Add(run);
  ShowQueued(run);
}

void Scheduler::Lease(Run* run, Worker* worker, absl::Time now) {
  ready_.Remove(run);
  run->state = Run::State::kLeased;
  run->attempt = {term_, ++attempt_counter_};
  run->worker = worker;
  run->start = now;
  ++run->attempt_count;
  worker->runs[run->id] = run;
  worker->changed = true;
  --worker->capacity;
  if (!run->is_commit()) ++run->owner->slots_in_use[run->platform_number];
  WriteRun(*run, /*leased=*/true);
  ShowRunning(run, now);
}

void Scheduler::Release(Run* run) {
  if (run->worker == nullptr) return;
  run->worker->runs.erase(run->id);
  run->worker->changed = true;
  run->worker = nullptr;
  run->attempt = Attempt();
  if (!run->is_commit()) --run->owner->slots_in_use[run->platform_number];
  writes_.RemoveScore("leases", run->id);
}

void Scheduler::ShowRunning(Run* run, absl::Time now) {
  for (const Waiter& waiter : run->waiters) {
    Task& task = waiter.build->tasks[waiter.task];
    task.state = v1::TASK_STATE_RUNNING;
    task.worker_name = run->worker->name;
    task.attempt_count = run->attempt_count;
    task.phase.clear();
    task.done_bytes = task.total_bytes = 0;
    if (task.start == absl::InfinitePast()) {
      task.start = run->start == absl::InfinitePast() ? now : run->start;
    }
    waiter.build->Touch(waiter.task);
  }
}

void Scheduler::ShowQueued(Run* run) {
  for (const Waiter& waiter : run->waiters) {
    Task& task = waiter.build->tasks[waiter.task];
    task.state = v1::TASK_STATE_QUEUED;
    task.phase.clear();
    waiter.build->Touch(waiter.task);
  }
}

void Scheduler::TakeOutcome(Worker& worker, const v1::RunReport& report, absl::Time now) {
  worker.changed = true;  // An answer that does not list the run acknowledges the outcome.
  const auto it = runs_.find(report.run_id());
  const Attempt attempt{report.attempt().term(), report.attempt().counter()};
  Run* const run = it == runs_.end() ? nullptr : it->second.get();
  const bool ours = run != nullptr && run->worker == &worker && run->attempt == attempt;
  const v1::Outcome& outcome = report.outcome();
  if (!ours) {
    TakeLateOutcome(report, now);
    return;
  }
  if (run->state == Run::State::kStopping) {
    TakeLateOutcome(report, now);
    Stopped(run, now);
    return;
  }
  const absl::Duration duration = DurationOf(outcome, run->start, now);
  run->log_bytes = report.log_bytes();
  switch (outcome.kind()) {
    case v1::Outcome::KIND_SUCCEEDED:
    case v1::Outcome::KIND_REUSED: {
      if (run->is_commit()) {
        CompleteCommit(run, outcome, now);
        return;
      }
      const bool reused = outcome.kind() == v1::Outcome::KIND_REUSED;
      v1::ManifestResult result = outcome.result();
      if (reused && result.digest().empty()) result = run->known_result;
      if (result.digest().empty()) {
        v1::Outcome broken;
        broken.set_failure_class(v1::FAILURE_CLASS_INFRASTRUCTURE);
        broken.set_error("the worker reported success without a digest");
        TakeFailure(run, broken, worker.id, now);
        return;
      }
      if (result.platform().empty()) result.set_platform(run->platform);
      if (reused) {
        knowledge_.TouchResult(run->build_key, /*seen=*/true, now);
      } else if (!run->shared || !run->known_result.digest().empty() ||
                 knowledge_.FindResult(run->build_key) == nullptr) {
        // A known result that the worker built again had vanished.
        knowledge_.PutResult(run->build_key, result, now);
      } else {
        result = knowledge_.FindResult(run->build_key)->manifest;
      }
      Complete(run, result, reused ? v1::TASK_STATE_REUSED : v1::TASK_STATE_SUCCEEDED, duration,
               outcome.log_tail(), now);
      return;
    }
    case v1::Outcome::KIND_CANCELLED:
    case v1::Outcome::KIND_HANDED_BACK:
      TakeBack(run, worker, outcome, now);
      return;
    default:
      TakeFailure(run, outcome, worker.id, now);
      return;
  }
}

void Scheduler::TakeBack(Run* run, const Worker& worker, const v1::Outcome& outcome,
                         absl::Time now) {
  run->avoid.insert(worker.id);
  --run->attempt_count;
  Release(run);
  if (!worker.draining && ++run->handed_back > kHandBacks && !run->is_commit()) {
    Fail(run,
         absl::StrCat("unschedulable: workers have handed it back ", run->handed_back,
                      " times; the last, ", worker.name, ", said: ", outcome.error()),
         v1::FAILURE_CLASS_INFRASTRUCTURE, outcome.log_tail(), now);
    return;
  }
  TryAgain(run, worker.draining ? absl::ZeroDuration() : options_.retry_delay);
}

void Scheduler::TakeLateOutcome(const v1::RunReport& report, absl::Time now) {
  const v1::Outcome& outcome = report.outcome();
  if (!outcome.tags().empty()) RepairTags(outcome);
  if (outcome.kind() != v1::Outcome::KIND_SUCCEEDED || outcome.result().digest().empty()) return;
  // Ids of build runs begin with their key, so that even a run that is forgotten has one.
  constexpr size_t kKeySize = 64;
  if (report.run_id().size() <= kKeySize || report.run_id()[kKeySize] != '.') return;
  const std::string build_key = report.run_id().substr(0, kKeySize);
  // The first result of a key wins: children of a published one would have to be built again for
  // another.
  if (knowledge_.FindResult(build_key) != nullptr) return;
  knowledge_.PutResult(build_key, outcome.result(), now);
  const auto it = runs_.find(report.run_id());
  if (it == runs_.end() || it->second->state == Run::State::kStopping) return;
  Complete(it->second.get(), outcome.result(), v1::TASK_STATE_SUCCEEDED,
           DurationOf(outcome, now, now), outcome.log_tail(), now);
}

void Scheduler::Complete(Run* run, const v1::ManifestResult& result, v1::TaskState state,
                         absl::Duration duration, const std::string& log_tail, absl::Time now) {
  const std::vector<Waiter> waiters = run->waiters;
  const int64_t log_bytes = run->log_bytes;
  RemoveRun(run);
  for (size_t i = 0; i < waiters.size(); ++i) {
    Build& build = *waiters[i].build;
    Task& task = build.tasks[waiters[i].task];
    task.result = result;
    // For small builds logs stay readable after the end; a big one would need too much memory.
    constexpr size_t kSmallBuild = 2000;
    if (build.tasks.size() <= kSmallBuild) task.log_tail = log_tail;
    task.log_bytes = log_bytes;
    const bool built = state == v1::TASK_STATE_SUCCEEDED && i == 0;
    if (built) {
      knowledge_.Learn(Knowledge::NameOf(build, task), duration, result.image_bytes(), task.inputs,
                       now);
    }
    FinishTask(build, waiters[i].task, built ? state : v1::TASK_STATE_REUSED, now);
  }
}

void Scheduler::TakeFailure(Run* run, const v1::Outcome& outcome, const std::string& worker_id,
                            absl::Time now) {
  Release(run);
  const bool user = outcome.failure_class() == v1::FAILURE_CLASS_USER;
  int tries = options_.infrastructure_attempts;
  int failures = 0;
  if (user) {
    failures = ++run->user_failures;
    tries = 1;
    for (const Waiter& waiter : run->waiters) {
      tries = std::max(tries, 1 + waiter.build->header.retry_failed());
    }
    // A commit that is refused is refused again.
    if (run->is_commit()) tries = 1;
  } else {
    failures = ++run->infrastructure_failures;
    run->avoid.insert(worker_id);
  }
  if (run->is_commit() && !run->repair && !outcome.missing_manifest().empty() &&
      RebuildMissing(*run->owner, outcome.missing_manifest(), now)) {
    return;
  }
  if (failures < tries) {
    TryAgain(run, options_.retry_delay * (1 << std::min(failures - 1, 10)));
    return;
  }
  if (run->is_commit()) {
    CompleteCommit(run, outcome, now);
    return;
  }
  Fail(run, outcome.error().empty() ? "the worker gave no reason" : outcome.error(),
       user ? v1::FAILURE_CLASS_USER : v1::FAILURE_CLASS_INFRASTRUCTURE, outcome.log_tail(), now);
}

void Scheduler::Fail(Run* run, const std::string& error, v1::FailureClass failure_class,
                     const std::string& log_tail, absl::Time now) {
  const std::vector<Waiter> waiters = run->waiters;
  const int64_t log_bytes = run->log_bytes;
  RemoveRun(run);
  for (const Waiter& waiter : waiters) {
    Task& task = waiter.build->tasks[waiter.task];
    task.log_bytes = log_bytes;
    task.error = error;
    task.failure_class = failure_class;
    task.log_tail = log_tail;
    FinishTask(*waiter.build, waiter.task, v1::TASK_STATE_FAILED, now);
  }
}

void Scheduler::TryAgain(Run* run, absl::Duration delay) {
  WriteRun(*run, /*leased=*/false);
  if (delay <= absl::ZeroDuration()) {
    MakeReady(run);
    return;
  }
  run->state = Run::State::kDelayed;
  run->not_before = lease_clock_ + delay;
  delayed_.insert({run->not_before, run->id});
  ShowQueued(run);
}

void Scheduler::LoseWorker(Worker& worker, absl::Time now) {
  const std::map<std::string, Run*> runs = worker.runs;
  for (const auto& [id, run] : runs) {
    if (run->state == Run::State::kStopping) {
      Stopped(run, now);
      continue;
    }
    ++run->losses;
    v1::Outcome lost;
    lost.set_failure_class(v1::FAILURE_CLASS_INFRASTRUCTURE);
    lost.set_error(absl::StrCat("worker ", worker.name, " was lost (no call for ",
                                absl::FormatDuration(options_.lease + options_.grace), ")"));
    if (!run->is_commit() && run->losses >= options_.poison_losses) {
      const std::string reason = absl::StrCat(
          run->losses, " workers were lost while they built this, the last was ", worker.name,
          "; it is refused for ", absl::FormatDuration(options_.poison_time));
      knowledge_.Poison(run->build_key, reason, now);
      Release(run);
      Fail(run, reason, v1::FAILURE_CLASS_INFRASTRUCTURE, "", now);
      continue;
    }
    TakeFailure(run, lost, worker.id, now);
  }
}

void Scheduler::Stop(Run* run) {
  run->state = Run::State::kStopping;
  run->worker->changed = true;
  if (const auto it = shared_runs_.find(run->build_key);
      it != shared_runs_.end() && it->second == run) {
    shared_runs_.erase(it);
  }
}

void Scheduler::Stopped(Run* run, absl::Time now) {
  const std::vector<Waiter> waiters = run->waiters;
  RemoveRun(run);
  for (const Waiter& waiter : waiters) {
    FinishTask(*waiter.build, waiter.task, v1::TASK_STATE_CANCELLED, now);
  }
}

void Scheduler::RemoveRun(Run* run) {
  Release(run);
  if (run->state == Run::State::kReady) ready_.Remove(run);
  if (run->state == Run::State::kDelayed) delayed_.erase({run->not_before, run->id});
  if (const auto it = shared_runs_.find(run->build_key);
      it != shared_runs_.end() && it->second == run) {
    shared_runs_.erase(it);
  }
  if (run->in_ledger) writes_.Delete(absl::StrCat("run:", run->id));
  for (const Waiter& waiter : run->waiters) waiter.build->tasks[waiter.task].run = nullptr;
  runs_.erase(run->id);
}

}  // namespace stevedore::coordinator
