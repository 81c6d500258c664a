#include "coordinator/scheduler.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"
#include "coordinator/task_inputs.h"

namespace stevedore::coordinator {
namespace {

// Most tasks and bytes of one watch answer: below gRPC's 4 MiB with room for the rest.
constexpr int kWatchTasks = 2000;
constexpr size_t kWatchBytes = 2 << 20;

double Median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, std::string artifact_repository)
    : options_(options),
      artifact_repository_(std::move(artifact_repository)),
      knowledge_(&options_, &writes_) {}

Scheduler::~Scheduler() = default;

int Scheduler::PlatformNumber(const std::string& platform) {
  const auto [it, added] =
      platform_numbers_.emplace(platform, static_cast<int>(platform_names_.size()));
  if (added) platform_names_.push_back(platform);
  return it->second;
}

absl::StatusOr<v1::SubmitBuildResponse> Scheduler::Submit(std::unique_ptr<Build> build,
                                                          absl::Time now) {
  v1::SubmitBuildResponse response;
  // From the request, so that a client that submits again after we forgot finds the same build.
  build->id = base::Sha256Hex(build->header.request_id()).substr(0, 12);
  response.set_build_id(build->id);
  if (builds_.contains(build->id)) {
    response.set_repeated_request(true);
    return response;
  }
  const int64_t tasks = static_cast<int64_t>(build->tasks.size());
  if (unfinished_tasks_ + tasks > options_.queue_tasks) {
    return absl::ResourceExhaustedError(
        absl::StrCat(unfinished_tasks_, " tasks wait already and this build has ", tasks, ", but ",
                     options_.queue_tasks, " is the most this queue takes; submit again later"));
  }
  build->submission = ++last_submission_;
  build->create_time = now;
  build->last_watched = lease_clock_;
  Prioritise(*build);
  WriteBuild(*build);
  Build& added = *(builds_[build->id] = std::move(build));
  running_builds_.insert(added.id);
  unfinished_tasks_ += tasks;
  for (const int t : added.plan->TakeReady()) becoming_ready_.push_back({&added, t});
  Settle(now);
  return response;
}

void Scheduler::Prioritise(Build& build) {
  const double median = knowledge_.MedianSeconds();
  // Siblings build on the same first parent.
  std::map<std::pair<std::string, std::string>, std::vector<double>> siblings;
  const auto family = [&](const Task& task) {
    const v1::Image& image = build.images[task.image];
    return std::make_pair(image.parents_size() > 0 ? image.parents(0) : "", task.platform);
  };
  for (Task& task : build.tasks) {
    const Statistics* known = knowledge_.FindStatistics(Knowledge::NameOf(build, task));
    if (known == nullptr || known->seconds <= 0) continue;
    task.estimate_seconds = known->seconds;
    siblings[family(task)].push_back(known->seconds);
  }
  constexpr double kMost = 1e12;  // Diamonds are counted once per way; do not overflow.
  const std::vector<graph::Plan::Index>& order = build.plan->topological_order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Task& task = build.tasks[*it];
    double own = task.estimate_seconds;
    if (own <= 0 && median > 0) {
      const auto known = siblings.find(family(task));
      own = known == siblings.end() ? median : Median(known->second);
      task.guessed_seconds = own;
    }
    double longest = 0;
    double descendants = 0;
    for (const int child : build.plan->children(*it)) {
      longest = std::max(longest, build.tasks[child].remaining_seconds);
      descendants += 1 + build.tasks[child].remaining_seconds;
    }
    task.remaining_seconds = median > 0 ? own + longest : std::min(descendants, kMost);
  }
}

void Scheduler::Settle(absl::Time now) {
  while (!becoming_ready_.empty() || !becoming_over_.empty()) {
    if (!becoming_ready_.empty()) {
      const Waiter next = becoming_ready_.front();
      becoming_ready_.pop_front();
      TaskReady(*next.build, next.task, now);
      continue;
    }
    Build* build = becoming_over_.front();
    becoming_over_.pop_front();
    CheckBuildOver(*build, now);
  }
}

void Scheduler::TaskReady(Build& build, int t, absl::Time now) {
  Task& task = build.tasks[t];
  if (IsOver(task.state) || build.state != v1::BUILD_STATE_RUNNING) return;
  const absl::StatusOr<graph::BuildKeyInputs> inputs = InputsOf(build, task);
  if (!inputs.ok()) {  // Create has checked them; a ledger of another version may hold anything.
    task.error = std::string(inputs.status().message());
    task.failure_class = v1::FAILURE_CLASS_USER;
    FinishTask(build, t, v1::TASK_STATE_FAILED, now);
    return;
  }
  task.inputs = inputs->Serialize();
  task.build_key = inputs->Key();
  const bool fresh = AlwaysRuns(build, task);
  const Result* result = fresh ? nullptr : knowledge_.FindResult(task.build_key);
  if (result != nullptr && now - result->seen < options_.trust_results) {
    task.result = result->manifest;
    knowledge_.TouchResult(task.build_key, /*seen=*/false, now);
    FinishTask(build, t, v1::TASK_STATE_REUSED, now);
    return;
  }
  if (std::string reason = knowledge_.PoisonOf(task.build_key, now); !reason.empty()) {
    task.error = std::move(reason);
    task.failure_class = v1::FAILURE_CLASS_INFRASTRUCTURE;
    FinishTask(build, t, v1::TASK_STATE_FAILED, now);
    return;
  }
  const Statistics* before = knowledge_.FindStatistics(Knowledge::NameOf(build, task));
  task.causes =
      CausesOf(before == nullptr ? "" : before->inputs, *inputs, build.images[task.image]);
  if (task.causes.empty()) {
    task.causes.push_back(fresh ? CauseOfRunning(build, task) : "no result known");
  }
  Enqueue(build, t, now);
}

void Scheduler::Enqueue(Build& build, int t, absl::Time now) {
  Task& task = build.tasks[t];
  const bool shared = !AlwaysRuns(build, task);
  if (shared) {
    if (const auto it = shared_runs_.find(task.build_key); it != shared_runs_.end()) {
      Run* run = it->second;
      run->waiters.push_back({&build, t});
      task.run = run;
      if (run->state == Run::State::kReady && run->priority < task.remaining_seconds) {
        ready_.Remove(run);
        run->priority = task.remaining_seconds;
        ready_.Add(run);
      }
      run->state == Run::State::kLeased ? ShowRunning(run, now) : ShowQueued(run);
      return;
    }
  }
  const auto loaded = loaded_by_key_.find(shared ? task.build_key : absl::StrCat(build.id, "/", t));
  const bool known = loaded != loaded_by_key_.end();
  Run* run = CreateRun(known ? loaded->second
                             : absl::StrCat(task.build_key, ".", term_, ".", run_sequence_ + 1));
  run->build_key = task.build_key;
  run->platform = task.platform;
  run->platform_number = PlatformNumber(task.platform);
  run->shared = shared;
  run->owner = &build;
  run->waiters.push_back({&build, t});
  run->priority = task.remaining_seconds;
  task.run = run;
  if (shared) {
    shared_runs_[task.build_key] = run;
    if (const Result* result = knowledge_.FindResult(task.build_key)) {
      run->known_result = result->manifest;
    }
  }
  for (const int parent : task.parents) {
    if (parent >= 0) run->warm_parents.push_back(build.tasks[parent].result.digest());
  }
  if (known) {
    Restore(run, loaded_runs_[run->id], now);
    return;
  }
  MakeReady(run);
}

void Scheduler::FinishTask(Build& build, int t, v1::TaskState state, absl::Time now) {
  Task& task = build.tasks[t];
  task.state = state;
  task.end = now;
  task.run = nullptr;
  task.phase.clear();
  ++build.over_count[state];
  ++build.over;
  --unfinished_tasks_;
  const bool good = state == v1::TASK_STATE_SUCCEEDED || state == v1::TASK_STATE_REUSED;
  if (good) {
    if (state == v1::TASK_STATE_REUSED) {
      task.causes.clear();
      knowledge_.Learn(Knowledge::NameOf(build, task), absl::ZeroDuration(),
                       task.result.image_bytes(), task.inputs, now);
    }
    // A task that was built again has told its children before: the plan ignores it then.
    build.plan->Finish(t, graph::Plan::Outcome::kSucceeded);
    for (const int child : build.plan->TakeReady()) becoming_ready_.push_back({&build, child});
  }
  task.inputs.clear();
  build.Touch(t);
  WriteTask(build, t);
  if (state == v1::TASK_STATE_FAILED) SkipDescendants(build, t, now);
  if (build.over == static_cast<int>(build.tasks.size())) becoming_over_.push_back(&build);
}

void Scheduler::SkipDescendants(Build& build, int t, absl::Time now) {
  for (const int next : build.plan->Finish(t, graph::Plan::Outcome::kFailed).skipped) {
    Task& task = build.tasks[next];
    if (IsOver(task.state)) continue;
    task.skipped_by = t;
    task.error = absl::StrCat("not built, because ", build.TaskName(t), " failed");
    FinishTask(build, next, v1::TASK_STATE_SKIPPED, now);
  }
}

void Scheduler::CheckBuildOver(Build& build, absl::Time now) {
  if (build.over < static_cast<int>(build.tasks.size()) || IsOver(build.state)) return;
  if (build.state == v1::BUILD_STATE_CANCELLING) {
    EndBuild(build, v1::BUILD_STATE_CANCELLED, now);
    return;
  }
  if (build.over_count[v1::TASK_STATE_FAILED] > 0) {
    // A user failure explains more than an infrastructure one: exit codes go by it.
    build.failure_class = v1::FAILURE_CLASS_INFRASTRUCTURE;
    for (const Task& task : build.tasks) {
      if (task.failure_class == v1::FAILURE_CLASS_USER) build.failure_class = task.failure_class;
    }
    EndBuild(build, v1::BUILD_STATE_FAILED, now);
    return;
  }
  if (build.state == v1::BUILD_STATE_RUNNING) Commit(build, now);
}

void Scheduler::EndBuild(Build& build, v1::BuildState state, absl::Time now) {
  build.state = state;
  build.end_time = now;
  build.Touch(-1);
  running_builds_.erase(build.id);
  ended_builds_.push_back(build.id);
  ended_tasks_ += static_cast<int64_t>(build.tasks.size());
  WriteHead(build);
  ForgetCredentials(build);
  writes_.Expire(absl::StrCat("build:", build.id), options_.build_lifetime);
}

absl::StatusOr<v1::BuildState> Scheduler::Cancel(absl::string_view build_id,
                                                 absl::string_view reason, absl::Time now) {
  RETURN_IF_ERROR(Find(build_id).status());
  Build& build = *builds_.find(build_id)->second;
  if (build.state == v1::BUILD_STATE_COMMITTING) {
    return absl::FailedPreconditionError(
        absl::StrCat("build ", build_id, ": too late to cancel, tags are moving"));
  }
  if (build.state == v1::BUILD_STATE_RUNNING) {
    build.state = v1::BUILD_STATE_CANCELLING;
    build.error = reason.empty() ? "cancelled" : absl::StrCat("cancelled: ", reason);
    build.Touch(-1);
    std::erase(waiting_commits_, build.id);
    WriteHead(build);
    CancelTasks(build, now);
    if (build.over == static_cast<int>(build.tasks.size())) becoming_over_.push_back(&build);
    Settle(now);
  }
  return build.state;
}

void Scheduler::CancelTasks(Build& build, absl::Time now) {
  for (int t = 0; t < static_cast<int>(build.tasks.size()); ++t) {
    Task& task = build.tasks[t];
    if (IsOver(task.state)) continue;
    if (task.run != nullptr) {
      LeaveRun(build, task.run, now);
    } else {
      FinishTask(build, t, v1::TASK_STATE_CANCELLED, now);
    }
  }
}

void Scheduler::LeaveRun(Build& build, Run* run, absl::Time now) {
  std::vector<Waiter> others;
  std::vector<int> own;
  for (const Waiter& waiter : run->waiters) {
    if (waiter.build == &build) {
      own.push_back(waiter.task);
    } else {
      others.push_back(waiter);
    }
  }
  if (others.empty() && run->state == Run::State::kLeased) {
    Stop(run);  // Its tasks end when the worker has stopped.
    for (const int t : own) {
      build.tasks[t].phase = "cancelling";
      build.Touch(t);
    }
    return;
  }
  if (run->state == Run::State::kStopping) return;
  if (others.empty()) {
    RemoveRun(run);
  } else {
    if (run->owner == &build) MoveOwner(run, others.front().build);
    run->waiters = std::move(others);
  }
  for (const int t : own) FinishTask(build, t, v1::TASK_STATE_CANCELLED, now);
}

void Scheduler::MoveOwner(Run* run, Build* owner) {
  if (run->state == Run::State::kReady) ready_.Remove(run);
  if (run->state == Run::State::kLeased) {
    --run->owner->slots_in_use[run->platform_number];
    ++owner->slots_in_use[run->platform_number];
  }
  run->owner = owner;
  if (run->state == Run::State::kReady) ready_.Add(run);
}

absl::StatusOr<const Build*> Scheduler::Find(absl::string_view build_id) const {
  const auto it = builds_.find(build_id);
  if (it == builds_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no build ", base::Quoted(build_id),
                                            "; `stevedore-cli builds` lists them"));
  }
  return it->second.get();
}

std::vector<const Build*> Scheduler::Builds() const {
  std::vector<const Build*> builds;
  for (const auto& [id, build] : builds_) builds.push_back(build.get());
  std::sort(builds.begin(), builds.end(),
            [](const Build* a, const Build* b) { return a->submission > b->submission; });
  return builds;
}

void Scheduler::Watched(absl::string_view build_id) {
  if (const auto it = builds_.find(build_id); it != builds_.end()) {
    it->second->last_watched = lease_clock_;
  }
}

bool Scheduler::NextChanges(const Build& build, absl::string_view resume_id,
                            v1::WatchBuildResponse* response, bool* last) const {
  int64_t since = -1;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(resume_id, '.');
  int64_t term = 0, version = 0;
  if (absl::SimpleAtoi(parts.first, &term) && absl::SimpleAtoi(parts.second, &version) &&
      term == term_ && version <= build.version) {
    since = version;
  }
  *last = false;
  if (since == build.version && !IsOver(build.state)) return false;
  auto it = build.changes.end();
  while (it != build.changes.begin() && build.tasks[*std::prev(it)].version > since) --it;
  size_t bytes = 0;
  int64_t shown = build.version;
  for (; it != build.changes.end(); ++it) {
    if (response->tasks_size() >= kWatchTasks || bytes > kWatchBytes) {
      shown = build.tasks[*std::prev(it)].version;
      break;
    }
    *response->add_tasks() = build.StatusOf(*it);
    bytes += response->tasks(response->tasks_size() - 1).ByteSizeLong();
  }
  *last = it == build.changes.end() && IsOver(build.state);
  *response->mutable_build() = build.Status(/*with_tags=*/*last);
  response->set_resume_id(absl::StrCat(term_, ".", shown));
  response->set_term(term_);
  return true;
}

absl::StatusOr<int> Scheduler::FindTask(absl::string_view build_id, absl::string_view image_id,
                                        absl::string_view platform) const {
  ASSIGN_OR_RETURN(const Build* build, Find(build_id));
  std::vector<std::string> platforms;
  int found = -1;
  for (int t = 0; t < static_cast<int>(build->tasks.size()); ++t) {
    const Task& task = build->tasks[t];
    if (build->images[task.image].id() != image_id) continue;
    platforms.push_back(task.platform);
    if (platform.empty() || platform == task.platform) found = t;
  }
  if (platforms.empty()) {
    return absl::NotFoundError(
        absl::StrCat("build ", build_id, " has no image ", base::Quoted(image_id)));
  }
  if (found < 0 || (platform.empty() && platforms.size() > 1)) {
    return absl::NotFoundError(absl::StrCat("image ", image_id, " is built for ",
                                            absl::StrJoin(platforms, ", "), "; name one of them"));
  }
  return found;
}

}  // namespace stevedore::coordinator
