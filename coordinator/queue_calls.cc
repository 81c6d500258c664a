// The calls of clients and workers.

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "coordinator/queue_body.h"

namespace stevedore::coordinator {
namespace {

// Most bytes of tasks in one GetBuild answer: below gRPC's 4 MiB. Watch it to see more.
constexpr size_t kGetBuildBytes = 3 << 20;
constexpr size_t kLogPiece = 64 << 10;
// How long a log may go on after its task has ended.
constexpr absl::Duration kLogAfterEnd = absl::Seconds(15);

// Spreads the calls of many workers: +- 10 %, the same for equal seeds.
absl::Duration Jittered(absl::Duration wait, uint64_t seed) {
  return wait * (0.9 + 0.2 * static_cast<double>(seed * 2654435761u % 1000) / 1000);
}

}  // namespace

absl::Status Queue::Body::NotLeading(absl::string_view why) const {
  absl::Status status = absl::UnavailableError(why);
  if (!leader_.address.empty()) status.SetPayload(kLeaderPayload, absl::Cord(leader_.address));
  return status;
}

absl::Status Queue::Body::CheckLeading() const {
  if (mode_ == Mode::kStopped) return absl::UnavailableError("this coordinator is stopping");
  if (mode_ == Mode::kStandby) {
    return NotLeading(leader_.address.empty()
                          ? "this coordinator does not lead the queue yet"
                          : absl::StrCat("this coordinator does not lead the queue; ",
                                         leader_.address, " does or did"));
  }
  if (!ledger_status_.ok()) {
    return absl::UnavailableError(
        absl::StrCat("the ledger does not answer: ", ledger_status_.message()));
  }
  return absl::OkStatus();
}

v1::GetServerResponse Queue::Body::GetServer() {
  base::MutexLock lock(&mu_);
  v1::GetServerResponse response;
  response.set_artifact_repository(options_.artifact_repository);
  response.set_version(options_.version);
  response.set_sealing_public_key(options_.sealing_public_key);
  response.set_leader(mode_ == Mode::kLeading ? address_ : leader_.address);
  response.set_term(greatest_term_);
  response.set_task_limit(options_.scheduler.build_tasks);
  return response;
}

absl::StatusOr<v1::PlanBuildResponse> Queue::Body::PlanBuild(const Submission& submission) {
  ASSIGN_OR_RETURN(std::unique_ptr<Build> build,
                   Build::Create(submission, options_.scheduler.build_tasks));
  base::MutexLock lock(&mu_);
  RETURN_IF_ERROR(CheckLeading());
  return scheduler_->Plan(*build, clock_->Now());
}

void Queue::Body::SubmitBuild(Submission submission, Deliver<v1::SubmitBuildResponse> deliver) {
  // The graph is checked outside of the lock: it takes a while for a big one.
  absl::StatusOr<std::unique_ptr<Build>> build =
      Build::Create(std::move(submission), options_.scheduler.build_tasks);
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  absl::Status status = CheckLeading();
  if (status.ok()) status = build.status();
  if (status.ok() && ledger_full_) {
    status = absl::ResourceExhaustedError(
        "the ledger is more than 80 % full; submit again when builds have ended, or give Redis "
        "more memory (maxmemory)");
  }
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return;
  }
  auto response = scheduler_->Submit(*std::move(build), clock_->Now());
  Hold(std::move(deliver), std::move(response), &after.calls);
  Pump(&after.calls);
}

void Queue::Body::GetBuild(const v1::GetBuildRequest& request,
                           Deliver<v1::GetBuildResponse> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  absl::Status status = CheckLeading();
  const Build* build = nullptr;
  if (status.ok()) {
    const absl::StatusOr<const Build*> found = scheduler_->Find(request.build_id());
    status = found.status();
    if (found.ok()) build = *found;
  }
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return;
  }
  v1::GetBuildResponse response;
  *response.mutable_build() = build->Status(/*with_tags=*/build->tasks.size() < 2000);
  size_t bytes = 0;
  for (int t = 0; t < static_cast<int>(build->tasks.size()) && bytes < kGetBuildBytes; ++t) {
    *response.add_tasks() = build->StatusOf(t);
    bytes += response.tasks(t).ByteSizeLong();
  }
  Hold<v1::GetBuildResponse>(std::move(deliver), std::move(response), &after.calls);
}

void Queue::Body::ListBuilds(const v1::ListBuildsRequest& request,
                             Deliver<v1::ListBuildsResponse> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  absl::Status status = CheckLeading();
  int64_t before = std::numeric_limits<int64_t>::max();
  if (status.ok() && !request.page_token().empty() &&
      !absl::SimpleAtoi(request.page_token(), &before)) {
    status = absl::InvalidArgumentError(
        absl::StrCat("page token ", base::Quoted(request.page_token()), " is none of mine"));
  }
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return;
  }
  const int size = request.page_size() <= 0 ? 50 : std::min(request.page_size(), 500);
  v1::ListBuildsResponse response;
  for (const Build* build : scheduler_->Builds()) {
    if (build->submission >= before) continue;
    if (response.builds_size() == size) {
      response.set_next_page_token(absl::StrCat(before));
      break;
    }
    *response.add_builds() = build->Status(/*with_tags=*/false);
    before = build->submission;
  }
  Hold<v1::ListBuildsResponse>(std::move(deliver), std::move(response), &after.calls);
}

void Queue::Body::CancelBuild(const v1::CancelBuildRequest& request,
                              Deliver<v1::CancelBuildResponse> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  if (absl::Status status = CheckLeading(); !status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return;
  }
  const absl::StatusOr<v1::BuildState> state =
      scheduler_->Cancel(request.build_id(), request.reason(), clock_->Now());
  absl::StatusOr<v1::CancelBuildResponse> response = v1::CancelBuildResponse();
  if (state.ok()) {
    response->set_state(*state);
  } else {
    response = state.status();
  }
  Hold(std::move(deliver), std::move(response), &after.calls);
  Pump(&after.calls);
}

Queue::WaitId Queue::Body::WatchBuild(v1::WatchBuildRequest request, Deliver<WatchAnswer> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  absl::Status status = CheckLeading();
  if (status.ok()) status = scheduler_->Find(request.build_id()).status();
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return 0;
  }
  scheduler_->Watched(request.build_id());
  const absl::Duration pause =
      request.resume_id().empty() ? absl::ZeroDuration() : options_.watch_interval;
  WatchWait wait{std::move(request), clock_->SinceBoot() + pause, std::move(deliver)};
  if (TryWatch(wait, &after.calls)) return 0;
  const WaitId id = ++last_wait_;
  watches_.emplace(id, std::move(wait));
  return id;
}

bool Queue::Body::TryWatch(WatchWait& wait, Calls* calls) {
  const absl::StatusOr<const Build*> build = scheduler_->Find(wait.request.build_id());
  if (!build.ok()) {
    Refuse(std::move(wait.deliver), build.status(), calls);
    return true;
  }
  if (!IsOver((*build)->state) && clock_->SinceBoot() < wait.not_before) return false;
  WatchAnswer answer;
  if (!scheduler_->NextChanges(**build, wait.request.resume_id(), &answer.response, &answer.last)) {
    return false;
  }
  Hold<WatchAnswer>(std::move(wait.deliver), std::move(answer), calls);
  return true;
}

Queue::WaitId Queue::Body::TailLog(v1::TailLogRequest request,
                                   Deliver<v1::TailLogResponse> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  absl::Status status = CheckLeading();
  absl::StatusOr<int> task = 0;
  if (status.ok()) {
    task = scheduler_->FindTask(request.build_id(), request.image_id(), request.platform());
    status = task.status();
  }
  if (status.ok() && request.offset() < 0) {
    status = absl::InvalidArgumentError("log: the offset must not be negative");
  }
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    return 0;
  }
  TailWait wait{std::move(request), *task, std::move(deliver)};
  WaitId id = 0;
  if (!TryTail(wait, &after.calls)) {
    id = ++last_wait_;
    tails_.emplace(id, std::move(wait));
  }
  Pump(&after.calls);  // The worker may have to be asked.
  return id;
}

bool Queue::Body::TryTail(TailWait& wait, Calls* calls) {
  const absl::StatusOr<const Build*> build = scheduler_->Find(wait.request.build_id());
  if (!build.ok()) {
    Refuse(std::move(wait.deliver), build.status(), calls);
    return true;
  }
  const Task& task = (*build)->tasks[wait.task];
  const int64_t offset = wait.request.offset();
  const bool leased = task.run != nullptr && task.run->state == Run::State::kLeased;
  if (!leased && !IsOver(task.state)) return false;
  std::string& run_id = tailed_runs_[{(*build)->id, wait.task}];
  if (leased) run_id = task.run->id;
  // Of a task that has ended the rest of the log is on its way for a moment, if it was read before.
  const bool relayed = leased || (!run_id.empty() && clock_->Now() - task.end < kLogAfterEnd);
  if (relayed && relay_.Want(run_id, offset, clock_->SinceBoot())) {
    scheduler_->WakeWorkerOf(run_id);
  }
  v1::TailLogResponse response;
  response.set_offset(offset);
  response.set_data(relay_.Read(run_id, offset, kLogPiece));
  if (response.data().empty()) {
    if (!leased && relay_.EndsAt(run_id, offset)) {
      response.set_complete(true);
    } else if (relayed) {
      return false;
    } else {
      // What came with the outcome: the end of the log.
      const int64_t size = static_cast<int64_t>(task.log_tail.size());
      const int64_t start = std::max<int64_t>(0, task.log_bytes - size);
      response.set_offset(std::max(offset, start));
      if (response.offset() - start < size) {
        response.set_data(task.log_tail.substr(static_cast<size_t>(response.offset() - start)));
      }
      response.set_complete(true);
    }
  }
  Hold<v1::TailLogResponse>(std::move(wait.deliver), std::move(response), calls);
  return true;
}

absl::Status Queue::Body::AppendLog(const v1::AppendLogRequest& request) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  RETURN_IF_ERROR(CheckLeading());
  const auto& runs = scheduler_->runs();
  const auto run = runs.find(request.run_id());
  // A run that is gone has just ended: its last pieces may still come.
  if (run != runs.end() &&
      !(run->second->attempt == Attempt{request.attempt().term(), request.attempt().counter()})) {
    return absl::AbortedError("log: this attempt is over");
  }
  RETURN_IF_ERROR(relay_.Append(request.run_id(), request.offset(), request.data(),
                                request.complete(), clock_->SinceBoot()));
  AnswerTails(&after.calls);
  return absl::OkStatus();
}

Queue::WaitId Queue::Body::Sync(v1::SyncRequest request, Deliver<v1::SyncResponse> deliver) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  if (mode_ == Mode::kLeading && request.term() > scheduler_->term()) {
    greatest_term_ = std::max(greatest_term_, request.term());
    StepDownLocked("a worker has heard a later leader", &after.calls);
  }
  absl::Status status = CheckLeading();
  if (status.ok()) status = scheduler_->Report(request, clock_->Now());
  if (!status.ok()) {
    Refuse(std::move(deliver), std::move(status), &after.calls);
    Pump(&after.calls);
    return 0;
  }
  if (const auto it = sync_of_worker_.find(request.worker_id()); it != sync_of_worker_.end()) {
    Refuse(std::move(syncs_.at(it->second).deliver),
           absl::AbortedError("sync: a later call of this worker came"), &after.calls);
    syncs_.erase(it->second);
  }
  const WaitId id = ++last_wait_;
  const absl::Duration longest =
      scheduler_->IsBusy(request.worker_id()) ? options_.busy_sync : options_.idle_sync;
  syncs_.emplace(id, SyncWait{request.worker_id(), clock_->SinceBoot() + Jittered(longest, id),
                              std::move(deliver)});
  sync_of_worker_[request.worker_id()] = id;
  Pump(&after.calls);
  return syncs_.contains(id) ? id : 0;
}

void Queue::Body::AnswerSync(WaitId id, Calls* calls) {
  const auto it = syncs_.find(id);
  SyncWait wait = std::move(it->second);
  syncs_.erase(it);
  sync_of_worker_.erase(wait.worker_id);
  v1::SyncResponse response = scheduler_->Answer(wait.worker_id);
  for (const v1::Assignment& assignment : response.assignments()) {
    const int64_t offset = relay_.WantedOffset(assignment.run_id(), clock_->SinceBoot());
    if (offset < 0) continue;
    v1::LogRequest* log = response.add_log_requests();
    log->set_run_id(assignment.run_id());
    log->set_offset(offset);
  }
  // Waiting is done here, so the next call may come at once.
  response.mutable_next_sync();
  Hold<v1::SyncResponse>(std::move(wait.deliver), std::move(response), calls);
}

void Queue::Body::Pump(Calls* calls) {
  if (mode_ != Mode::kLeading || !ledger_status_.ok()) return;
  scheduler_->Assign(clock_->Now());
  if (!tails_.empty()) AnswerTails(calls);
  for (const std::string& worker : scheduler_->WorkersToAnswer()) {
    const auto it = sync_of_worker_.find(worker);
    if (it != sync_of_worker_.end()) AnswerSync(it->second, calls);
  }
  if (!watches_.empty()) AnswerWatches(calls);
  if (scheduler_->writes().last_number() > durable_) wake_writer_.Signal();
}

void Queue::Body::AnswerWatches(Calls* calls) {
  for (auto it = watches_.begin(); it != watches_.end();) {
    it = TryWatch(it->second, calls) ? watches_.erase(it) : std::next(it);
  }
}

void Queue::Body::AnswerTails(Calls* calls) {
  for (auto it = tails_.begin(); it != tails_.end();) {
    it = TryTail(it->second, calls) ? tails_.erase(it) : std::next(it);
  }
}

void Queue::Body::RefuseAll(const absl::Status& status, Calls* calls) {
  for (Held& held : held_) {
    calls->push_back(
        [deliver = std::move(held.deliver), status]() mutable { std::move(deliver)(status); });
  }
  held_.clear();
  for (auto& [id, wait] : syncs_) {
    if (scheduler_ != nullptr) scheduler_->StopListening(wait.worker_id);
    Refuse(std::move(wait.deliver), status, calls);
  }
  syncs_.clear();
  sync_of_worker_.clear();
  for (auto& [id, wait] : watches_) Refuse(std::move(wait.deliver), status, calls);
  watches_.clear();
  for (auto& [id, wait] : tails_) Refuse(std::move(wait.deliver), status, calls);
  tails_.clear();
}

void Queue::Body::Abandon(WaitId id) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  const absl::Status status = absl::CancelledError("the call was abandoned");
  if (const auto it = syncs_.find(id); it != syncs_.end()) {
    if (scheduler_ != nullptr) scheduler_->StopListening(it->second.worker_id);
    sync_of_worker_.erase(it->second.worker_id);
    Refuse(std::move(it->second.deliver), status, &after.calls);
    syncs_.erase(it);
  } else if (const auto watch = watches_.find(id); watch != watches_.end()) {
    Refuse(std::move(watch->second.deliver), status, &after.calls);
    watches_.erase(watch);
  } else if (const auto tail = tails_.find(id); tail != tails_.end()) {
    Refuse(std::move(tail->second.deliver), status, &after.calls);
    tails_.erase(tail);
  }
}

}  // namespace stevedore::coordinator
