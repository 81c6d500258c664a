// Ledger records of builds, tasks and runs, and the way back.

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "coordinator/record_text.h"
#include "coordinator/scheduler.h"

namespace stevedore::coordinator {
namespace {

constexpr absl::string_view kTaskStates[] = {
    "", "waiting", "queued", "running", "succeeded", "reused", "failed", "skipped", "cancelled"};
constexpr absl::string_view kBuildStates[] = {"",       "running",    "committing", "succeeded",
                                              "failed", "cancelling", "cancelled"};

template <size_t N>
int NumberOf(const absl::string_view (&names)[N], absl::string_view name) {
  const auto it = std::find(std::begin(names), std::end(names), name);
  return it == std::end(names) ? 0 : static_cast<int>(it - std::begin(names));
}

}  // namespace

void Scheduler::WriteBuild(const Build& build) {
  const std::string key = absl::StrCat("build:", build.id);
  writes_.SetField(key, "request", build.header.SerializeAsString());
  for (size_t i = 0; i < build.images.size(); ++i) {
    writes_.SetField(key, absl::StrCat("image:", i), build.images[i].SerializeAsString());
  }
  for (size_t t = 0; t < build.tasks.size(); ++t) {
    if (IsOver(build.tasks[t].state)) WriteTask(build, static_cast<int>(t));
  }
  WriteHead(build);  // Last: a build without head does not exist.
}

void Scheduler::WriteHead(const Build& build) {
  RecordText text;
  text.Add("state", kBuildStates[build.state]).AddInt("submission", build.submission);
  text.AddInt("images", static_cast<int64_t>(build.images.size()));
  text.Add("submitter", build.header.submitter()).AddInt("priority", build.header.priority());
  text.AddTime("created", build.create_time).AddTime("ended", build.end_time);
  text.Add("error", build.error).AddInt("class", build.failure_class);
  const std::string key = absl::StrCat("build:", build.id);
  if (IsOver(build.state) && !build.tags.empty()) {
    v1::BuildStatus tags;
    for (const v1::TagStatus& tag : build.tags) *tags.add_tags() = tag;
    writes_.SetField(key, "tags", tags.SerializeAsString());
  }
  writes_.SetField(key, "head", text.ToString());
}

void Scheduler::ForgetCredentials(Build& build) {
  if (build.header.sealed_credentials().empty()) return;
  build.header.clear_sealed_credentials();
  writes_.SetField(absl::StrCat("build:", build.id), "request", build.header.SerializeAsString());
}

void Scheduler::WriteTask(const Build& build, int t) {
  const Task& task = build.tasks[t];
  RecordText text;
  text.Add("state", kTaskStates[task.state]).Add("digest", task.result.digest());
  text.Add("type", task.result.media_type()).AddInt("size", task.result.size());
  text.AddInt("bytes", task.result.image_bytes()).Add("worker", task.worker_name);
  text.AddInt("attempts", task.attempt_count);
  text.AddTime("start", task.start).AddTime("end", task.end).Add("error", task.error);
  text.AddInt("class", task.failure_class).AddInt("by", task.skipped_by + 1);
  text.AddInt("rebuilt", task.rebuilt).Add("key", task.build_key);
  for (const std::string& cause : task.causes) text.Add("cause", cause);
  if (task.state == v1::TASK_STATE_FAILED) text.Add("log", task.log_tail);
  writes_.SetField(absl::StrCat("build:", build.id), absl::StrCat("task:", t), text.ToString());
}

void Scheduler::WriteRun(Run& run, bool leased) {
  run.in_ledger = true;
  RecordText text;
  text.Add("key", run.is_commit() ? "commit" : run.build_key);
  text.AddInt("attempts", run.attempt_count).AddInt("failures", run.infrastructure_failures);
  text.AddInt("user_failures", run.user_failures).AddInt("losses", run.losses);
  if (!run.shared && !run.is_commit()) {
    text.Add("private", absl::StrCat(run.owner->id, "/", run.waiters.front().task));
  }
  if (leased) {
    text.AddInt("term", run.attempt.term).AddInt("counter", run.attempt.counter);
    text.Add("worker", run.worker->id).Add("name", run.worker->name).AddTime("start", run.start);
    const absl::Time expiry = run.start + options_.lease;
    writes_.SetScore("leases", run.id, absl::ToUnixSeconds(expiry));
  }
  writes_.SetString(absl::StrCat("run:", run.id), text.ToString());
}

void Scheduler::Rewrite() {
  knowledge_.Rewrite();
  for (const auto& [id, build] : builds_) {
    if (!IsOver(build->state)) WriteBuild(*build);
  }
  for (const auto& [id, run] : runs_) {
    if (run->worker != nullptr && run->state == Run::State::kLeased) {
      WriteRun(*run, /*leased=*/true);
    } else if (run->in_ledger) {
      WriteRun(*run, /*leased=*/false);
    }
  }
}

void Scheduler::Load(const std::vector<LedgerRecord>& records, absl::Time now) {
  std::map<std::string, std::map<std::string, std::string>> builds;
  for (const LedgerRecord& record : records) {
    if (absl::StartsWith(record.key, "build:")) {
      builds[record.key][record.field] = record.value;
    } else if (absl::StartsWith(record.key, "run:")) {
      LoadRun(record);
    } else {
      knowledge_.Load(record, now);
    }
  }
  last_submission_ = knowledge_.LastSubmission();
  last_expiry_ = now;
  for (const auto& [key, fields] : builds) LoadBuild(key.substr(6), fields, now);
  // Ended builds by age of their end; live ones start where they were, the oldest first.
  std::sort(ended_builds_.begin(), ended_builds_.end(),
            [&](const std::string& a, const std::string& b) {
              return builds_[a]->end_time < builds_[b]->end_time;
            });
  std::vector<Build*> live;
  for (const std::string& id : running_builds_) live.push_back(builds_[id].get());
  std::sort(live.begin(), live.end(),
            [](const Build* a, const Build* b) { return a->submission < b->submission; });
  for (Build* build : live) ResumeBuild(*build, now);
  Settle(now);
  for (const auto& [id, run] : loaded_runs_) {
    if (runs_.contains(id)) continue;
    writes_.Delete(absl::StrCat("run:", id));
    writes_.RemoveScore("leases", id);
  }
  loaded_runs_.clear();
  loaded_by_key_.clear();
  Trim();
}

void Scheduler::LoadRun(const LedgerRecord& record) {
  const std::string id = record.key.substr(4);
  const absl::StatusOr<RecordText> text = RecordText::Parse(record.value);
  LoadedRun& run = loaded_runs_[id];
  if (!text.ok()) return;  // An unknown run is built again; the record goes when Load is done.
  run.attempt = {text->GetInt("term"), text->GetInt("counter")};
  run.worker_id = std::string(text->Get("worker"));
  run.worker_name = std::string(text->Get("name"));
  run.private_to = std::string(text->Get("private"));
  run.attempt_count = static_cast<int>(text->GetInt("attempts"));
  run.infrastructure_failures = static_cast<int>(text->GetInt("failures"));
  run.user_failures = static_cast<int>(text->GetInt("user_failures"));
  run.losses = static_cast<int>(text->GetInt("losses"));
  run.start = text->GetTime("start");
  loaded_by_key_[run.private_to.empty() ? std::string(text->Get("key")) : run.private_to] = id;
}

void Scheduler::LoadBuild(const std::string& id, const std::map<std::string, std::string>& fields,
                          absl::Time /*now*/) {
  const auto drop = [&](absl::string_view why) {
    base::Log(base::LogLevel::kWarning, "dropped a build from the ledger",
              {{"build", id}, {"reason", why}});
    writes_.Delete(absl::StrCat("build:", id));
  };
  const auto head = fields.find("head");
  const auto request = fields.find("request");
  if (head == fields.end() || request == fields.end()) {
    drop("its submission was not complete");
    return;
  }
  const absl::StatusOr<RecordText> text = RecordText::Parse(head->second);
  Submission submission;
  if (!text.ok() || !submission.header.ParseFromString(request->second)) {
    drop("its head cannot be read");
    return;
  }
  for (int64_t i = 0; i < text->GetInt("images"); ++i) {
    const auto image = fields.find(absl::StrCat("image:", i));
    if (image == fields.end() || !submission.images.emplace_back().ParseFromString(image->second)) {
      drop("an image of it cannot be read");
      return;
    }
  }
  absl::StatusOr<std::unique_ptr<Build>> created =
      Build::Create(std::move(submission), options_.build_tasks);
  if (!created.ok()) {
    drop(created.status().message());
    return;
  }
  Build& build = *(builds_[id] = *std::move(created));
  build.id = id;
  build.state = static_cast<v1::BuildState>(NumberOf(kBuildStates, text->Get("state")));
  build.submission = text->GetInt("submission");
  last_submission_ = std::max(last_submission_, build.submission);
  build.create_time = text->GetTime("created");
  build.end_time = text->GetTime("ended");
  build.error = std::string(text->Get("error"));
  build.failure_class = static_cast<v1::FailureClass>(text->GetInt("class"));
  build.last_watched = lease_clock_;
  if (const auto it = fields.find("tags"); it != fields.end()) {
    v1::BuildStatus tags;
    if (tags.ParseFromString(it->second)) build.tags = {tags.tags().begin(), tags.tags().end()};
  }
  for (const graph::Plan::Index t : build.plan->topological_order()) {
    const auto task = fields.find(absl::StrCat("task:", t));
    if (task != fields.end()) LoadTask(build, t, task->second);
  }
  if (IsOver(build.state)) {
    ForgetCredentials(build);  // A crash may have come between its end and this.
    ended_builds_.push_back(id);
    ended_tasks_ += static_cast<int64_t>(build.tasks.size());
  } else {
    running_builds_.insert(id);
    unfinished_tasks_ += static_cast<int64_t>(build.tasks.size()) - build.over;
    Prioritise(build);
  }
}

void Scheduler::LoadTask(Build& build, int t, const std::string& value) {
  const absl::StatusOr<RecordText> text = RecordText::Parse(value);
  if (!text.ok()) return;
  const auto state = static_cast<v1::TaskState>(NumberOf(kTaskStates, text->Get("state")));
  if (!IsOver(state)) return;
  Task& task = build.tasks[t];
  task.state = state;
  task.result.set_digest(std::string(text->Get("digest")));
  task.result.set_media_type(std::string(text->Get("type")));
  task.result.set_size(text->GetInt("size"));
  task.result.set_image_bytes(text->GetInt("bytes"));
  if (!task.result.digest().empty()) task.result.set_platform(task.platform);
  task.worker_name = std::string(text->Get("worker"));
  task.attempt_count = static_cast<int>(text->GetInt("attempts"));
  task.start = text->GetTime("start");
  task.end = text->GetTime("end");
  task.error = std::string(text->Get("error"));
  task.failure_class = static_cast<v1::FailureClass>(text->GetInt("class"));
  task.skipped_by = static_cast<int>(text->GetInt("by")) - 1;
  if (task.skipped_by >= static_cast<int>(build.tasks.size())) task.skipped_by = -1;
  task.rebuilt = text->GetInt("rebuilt") != 0;
  task.build_key = std::string(text->Get("key"));
  task.causes = text->GetAll("cause");
  task.log_tail = std::string(text->Get("log"));
  ++build.over_count[state];
  ++build.over;
  if (state == v1::TASK_STATE_SUCCEEDED || state == v1::TASK_STATE_REUSED) {
    build.plan->Finish(t, graph::Plan::Outcome::kSucceeded);
  }
}

void Scheduler::ResumeBuild(Build& build, absl::Time now) {
  if (build.state == v1::BUILD_STATE_CANCELLING) {
    // What still runs for it is unknown here, so its workers are told to stop.
    CancelTasks(build, now);
  } else {
    for (int t = 0; t < static_cast<int>(build.tasks.size()); ++t) {
      // A crash may have come between a failure and what it skips.
      if (build.tasks[t].state == v1::TASK_STATE_FAILED) SkipDescendants(build, t, now);
    }
    build.state = v1::BUILD_STATE_RUNNING;  // A commit is begun again: its runs are adopted.
    for (const int t : build.plan->TakeReady()) becoming_ready_.push_back({&build, t});
  }
  if (build.over == static_cast<int>(build.tasks.size())) becoming_over_.push_back(&build);
}

}  // namespace stevedore::coordinator
