// Workers: what they report, what they are given, and when they are given up.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/scheduler.h"

namespace stevedore::coordinator {
namespace {

// Most bytes of new payloads in one answer; the rest is sent with the next one, as a run missing
// from a report is.
constexpr size_t kPayloadBytes = 3 << 20;

void FillBuildRun(const Run& run, const SchedulerOptions& options,
                  const std::string& artifact_repository, v1::BuildRun* work) {
  const Build& build = *run.waiters.front().build;
  const Task& task = build.tasks[run.waiters.front().task];
  const v1::Image& image = build.images[task.image];
  *work->mutable_image() = image;
  work->set_platform(task.platform);
  for (int i = 0; i < image.parents_size(); ++i) {
    v1::ParentImage* parent = work->add_parents();
    parent->set_id(image.parents(i));
    const int index = task.parents[i];
    parent->set_reference(index >= 0 ? build.images[build.tasks[index].image].reference()
                                     : build.header.external_images(-1 - index).reference());
    parent->set_digest(build.ParentDigest(task, i));
  }
  work->set_build_key(run.build_key);
  if (!run.known_result.digest().empty()) *work->mutable_known_result() = run.known_result;
  work->set_artifact_repository(artifact_repository);
  work->mutable_time_limit()->set_seconds(absl::ToInt64Seconds(options.time_limit));
}

// Credentials that came with the build that `run` works for: the one whose image it is given, else
// any other that waits for the same.
void FillSealedCredentials(const Run& run, v1::Assignment* assignment) {
  if (run.repair) return;  // Of no build.
  std::vector<const Build*> builds;
  for (const Waiter& waiter : run.waiters) builds.push_back(waiter.build);
  if (run.is_commit()) builds.push_back(run.owner);
  for (const Build* build : builds) {
    if (build->header.sealed_credentials().empty()) continue;
    assignment->mutable_sealed_credentials()->set_request_id(build->header.request_id());
    assignment->mutable_sealed_credentials()->set_text(build->header.sealed_credentials());
    return;
  }
}

}  // namespace

absl::Status Scheduler::Report(const v1::SyncRequest& request, absl::Time now) {
  if (request.worker_id().empty()) {
    return absl::InvalidArgumentError("sync: the worker has no id; choose a random one");
  }
  std::unique_ptr<Worker>& slot = workers_[request.worker_id()];
  if (slot == nullptr) {
    slot = std::make_unique<Worker>();
    slot->id = request.worker_id();
  }
  Worker& worker = *slot;
  if (request.seq() < worker.seq) {
    return absl::AbortedError(absl::StrCat("sync: call ", request.seq(), " of worker ",
                                           request.worker_name(), " came after call ", worker.seq));
  }
  worker.seq = request.seq();
  // A worker inside the caller's own process has no name: nobody needs to be told.
  worker.name = request.worker_name();
  worker.expected = false;
  worker.slots = request.slots();
  worker.draining = request.draining();
  worker.last_seen = lease_clock_;
  worker.platforms.clear();
  for (const std::string& platform : request.platforms()) {
    worker.platforms.insert(PlatformNumber(platform));
  }
  worker.warm = {request.warm_digests().begin(), request.warm_digests().end()};
  worker.reported.clear();
  worker.changed = false;
  for (const v1::RunReport& report : request.runs()) {
    if (report.has_outcome()) {
      TakeOutcome(worker, report, now);
      continue;
    }
    worker.reported[report.run_id()] = {report.attempt().term(), report.attempt().counter()};
    TakeProgress(worker, report);
  }
  const int unreported = CompareReport(worker, now);
  worker.capacity = worker.draining ? 0 : std::max(0, request.free_slots() - unreported);
  worker.listening = true;
  listening_.insert(&worker);
  Settle(now);
  return absl::OkStatus();
}

int Scheduler::CompareReport(Worker& worker, absl::Time now) {
  int unreported = 0;
  const std::map<std::string, Run*> runs = worker.runs;
  for (const auto& [id, run] : runs) {
    const auto reported = worker.reported.find(id);
    const bool has_it = reported != worker.reported.end() && reported->second == run->attempt;
    if (run->state == Run::State::kStopping) {
      if (has_it) {
        worker.changed = true;
      } else {
        Stopped(run, now);
      }
    } else if (!has_it) {
      worker.changed = true;
      ++unreported;
    }
  }
  for (const auto& [id, attempt] : worker.reported) {
    const auto desired = worker.runs.find(id);
    if (desired == worker.runs.end() || !(desired->second->attempt == attempt)) {
      worker.changed = true;
    }
  }
  return unreported;
}

void Scheduler::TakeProgress(const Worker& worker, const v1::RunReport& report) {
  const auto it = worker.runs.find(report.run_id());
  if (it == worker.runs.end() || it->second->state == Run::State::kStopping) return;
  for (const Waiter& waiter : it->second->waiters) {
    Task& task = waiter.build->tasks[waiter.task];
    if (task.phase == report.phase() && task.done_bytes == report.done_bytes() &&
        task.total_bytes == report.total_bytes() && task.worker_name == worker.name) {
      continue;
    }
    task.phase = report.phase();
    task.done_bytes = report.done_bytes();
    task.total_bytes = report.total_bytes();
    task.worker_name = worker.name;
    waiter.build->Touch(waiter.task);
  }
}

bool Scheduler::OthersCanTake(const Run& run) const {
  for (const auto& [id, worker] : workers_) {
    if (!worker->draining && !worker->expected && !run.avoid.contains(id) &&
        (run.is_commit() || worker->platforms.contains(run.platform_number))) {
      return true;
    }
  }
  return false;
}

Worker* Scheduler::ChooseWorker(const Run& run, const std::vector<Worker*>& listeners) const {
  Worker* best = nullptr;
  int best_warm = -1;
  bool only_avoided = false;
  for (Worker* worker : listeners) {
    if (worker->capacity <= 0) continue;
    if (!run.is_commit() && !worker->platforms.contains(run.platform_number)) continue;
    if (!run.avoid.empty() && run.avoid.contains(worker->id)) {
      only_avoided = true;
      continue;
    }
    int warm = 0;
    for (const std::string& digest : run.warm_parents) warm += worker->warm.contains(digest);
    if (best == nullptr || warm > best_warm ||
        (warm == best_warm && worker->capacity > best->capacity)) {
      best = worker;
      best_warm = warm;
    }
  }
  if (best != nullptr || !only_avoided || OthersCanTake(run)) return best;
  for (Worker* worker : listeners) {
    if (worker->capacity > 0 &&
        (run.is_commit() || worker->platforms.contains(run.platform_number))) {
      return worker;
    }
  }
  return nullptr;
}

void Scheduler::Assign(absl::Time now) {
  if (ready_.empty()) return;
  std::vector<Worker*> listeners;
  for (Worker* worker : listening_) {
    if (worker->capacity > 0) listeners.push_back(worker);
  }
  // By address they would differ from run to run.
  std::sort(listeners.begin(), listeners.end(),
            [](const Worker* a, const Worker* b) { return a->id < b->id; });
  std::set<Run*> passed_over;
  while (!listeners.empty() && !ready_.empty()) {
    Run* const run = ready_.Next(
        [&](int platform) {
          return std::any_of(listeners.begin(), listeners.end(), [&](const Worker* worker) {
            return worker->capacity > 0 && worker->platforms.contains(platform);
          });
        },
        passed_over);
    if (run == nullptr) break;
    Worker* const worker = ChooseWorker(*run, listeners);
    if (worker == nullptr) {
      passed_over.insert(run);  // Better with another worker than these.
      continue;
    }
    Lease(run, worker, now);
    if (worker->capacity == 0) std::erase(listeners, worker);
  }
}

std::vector<std::string> Scheduler::WorkersToAnswer() const {
  std::vector<std::string> ids;
  for (const Worker* worker : listening_) {
    if (worker->changed) ids.push_back(worker->id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

v1::SyncResponse Scheduler::Answer(const std::string& worker_id) {
  v1::SyncResponse response;
  response.set_term(term_);
  const auto it = workers_.find(worker_id);
  if (it == workers_.end()) return response;
  Worker& worker = *it->second;
  worker.listening = false;
  worker.changed = false;
  worker.last_seen = lease_clock_;  // Leases begin when they are given.
  listening_.erase(&worker);
  size_t bytes = 0;
  for (const auto& [id, run] : worker.runs) {
    if (run->state != Run::State::kLeased) continue;
    const auto reported = worker.reported.find(id);
    const bool has_payload = reported != worker.reported.end() && reported->second == run->attempt;
    if (!has_payload && bytes > kPayloadBytes) continue;
    v1::Assignment* assignment = response.add_assignments();
    assignment->set_run_id(id);
    assignment->mutable_attempt()->set_term(run->attempt.term);
    assignment->mutable_attempt()->set_counter(run->attempt.counter);
    if (has_payload) continue;
    if (run->is_commit()) {
      for (const v1::CommitRun::Move& move : run->moves) {
        *assignment->mutable_commit()->add_moves() = move;
      }
    } else {
      FillBuildRun(*run, options_, artifact_repository_, assignment->mutable_build());
    }
    FillSealedCredentials(*run, assignment);
    bytes += assignment->ByteSizeLong();
  }
  return response;
}

bool Scheduler::IsBusy(const std::string& worker_id) const {
  const auto it = workers_.find(worker_id);
  return it != workers_.end() && !it->second->runs.empty();
}

void Scheduler::StopListening(const std::string& worker_id) {
  const auto it = workers_.find(worker_id);
  if (it == workers_.end()) return;
  it->second->listening = false;
  listening_.erase(it->second.get());
}

void Scheduler::WakeWorkerOf(const std::string& run_id) {
  const auto it = runs_.find(run_id);
  if (it != runs_.end() && it->second->worker != nullptr) it->second->worker->changed = true;
}

void Scheduler::Tick(absl::Duration elapsed, absl::Time now) {
  lease_clock_ += std::clamp(elapsed, absl::ZeroDuration(), absl::Seconds(1));
  while (!delayed_.empty() && delayed_.begin()->first <= lease_clock_) {
    Run* const run = runs_.at(delayed_.begin()->second).get();
    delayed_.erase(delayed_.begin());
    MakeReady(run);
  }
  CheckWorkers(now);
  CheckOrphans(now);
  CheckUnschedulable(now);
  Settle(now);
  Trim();
  if (now - last_expiry_ > absl::Hours(1)) {
    knowledge_.Expire(now);
    last_expiry_ = now;
  }
}

void Scheduler::CheckWorkers(absl::Time now) {
  std::vector<std::string> gone;
  for (const auto& [id, worker] : workers_) {
    // A worker with nothing to do calls seldom, and there is nothing to lose.
    if (worker->listening && worker->runs.empty()) continue;
    const absl::Duration limit = worker->runs.empty() ? options_.lease * 4 : options_.lease;
    if (lease_clock_ - worker->last_seen > limit + options_.grace) gone.push_back(id);
  }
  for (const std::string& id : gone) {
    Worker& worker = *workers_[id];
    LoseWorker(worker, now);
    listening_.erase(&worker);
    workers_.erase(id);
  }
}

void Scheduler::CheckOrphans(absl::Time now) {
  const std::set<std::string> ids = running_builds_;
  for (const std::string& id : ids) {
    const Build& build = *builds_[id];
    if (build.header.detach() || build.state != v1::BUILD_STATE_RUNNING) continue;
    if (lease_clock_ - build.last_watched > options_.orphan) {
      (void)Cancel(id, "nobody watches it (use --detach for builds that go on alone)", now);
    }
  }
}

void Scheduler::CheckUnschedulable(absl::Time now) {
  if (ready_.empty()) {
    unserved_since_.clear();
    return;
  }
  std::set<int> served;
  for (const auto& [id, worker] : workers_) {
    if (!worker->expected) served.insert(worker->platforms.begin(), worker->platforms.end());
  }
  std::vector<Run*> hopeless;
  std::set<int> unserved;
  ready_.ForEach([&](Run* run) {
    if (run->is_commit() || served.contains(run->platform_number)) return;
    unserved.insert(run->platform_number);
    const auto since = unserved_since_.emplace(run->platform_number, lease_clock_).first->second;
    const absl::Duration waited = lease_clock_ - std::max(since, run->ready_since);
    if (waited > options_.unschedulable) hopeless.push_back(run);
    if (waited <= options_.unschedulable_warning) return;
    for (const Waiter& waiter : run->waiters) {
      Task& task = waiter.build->tasks[waiter.task];
      if (!task.phase.empty()) continue;
      task.phase = absl::StrCat("no worker builds for ", run->platform);
      waiter.build->Touch(waiter.task);
    }
  });
  std::erase_if(unserved_since_,
                [&](const auto& entry) { return !unserved.contains(entry.first); });
  for (Run* run : hopeless) {
    const std::string error = absl::StrCat(
        "no worker builds for ", run->platform, " and none came for ",
        absl::FormatDuration(options_.unschedulable), "; start one or drop the platform");
    Fail(run, error, v1::FAILURE_CLASS_INFRASTRUCTURE, "", now);
  }
}

void Scheduler::Trim() {
  // The newest one stays whatever its size: somebody may be watching its end.
  while (ended_builds_.size() > 1 &&
         (ended_builds_.size() > static_cast<size_t>(options_.ended_builds) ||
          ended_tasks_ > options_.queue_tasks)) {
    const auto oldest = builds_.find(ended_builds_.front());
    ended_tasks_ -= static_cast<int64_t>(oldest->second->tasks.size());
    builds_.erase(oldest);
    ended_builds_.pop_front();
  }
}

}  // namespace stevedore::coordinator
