#include "coordinator/testing/scheduler_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace stevedore::coordinator::testing {
namespace {

std::string Lower(const std::string& name, absl::string_view prefix) {
  return absl::AsciiStrToLower(name.substr(prefix.size()));
}

}  // namespace

Submission SubmissionOf(const std::string& request_id, const std::string& graph) {
  Submission submission;
  submission.header.set_request_id(request_id);
  submission.header.set_detach(true);
  for (absl::string_view text : absl::StrSplit(graph, ';', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> at =
        absl::StrSplit(text, absl::MaxSplits('@', 1));
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(at.first, absl::MaxSplits(':', 1));
    v1::Image& image = submission.images.emplace_back();
    image.set_id(std::string(absl::StripAsciiWhitespace(parts.first)));
    image.set_reference(absl::StrCat("r/", image.id(), ":1"));
    image.set_driver("sleep");
    image.set_options_json("{}");
    for (absl::string_view parent : absl::StrSplit(parts.second, ' ', absl::SkipWhitespace())) {
      image.add_parents(std::string(parent));
    }
    if (at.second.empty()) {
      image.add_platforms("linux/amd64");
    } else {
      for (absl::string_view platform :
           absl::StrSplit(absl::StripAsciiWhitespace(at.second), ',')) {
        image.add_platforms(std::string(platform));
      }
    }
  }
  return submission;
}

SchedulerBench::SchedulerBench(SchedulerOptions options) : options_(options) {
  scheduler_ = std::make_unique<Scheduler>(options_, "r/artifacts");
  scheduler_->Lead(term_);
}

std::string SchedulerBench::Submit(const Submission& submission) {
  auto build = Build::Create(submission, options_.build_tasks);
  EXPECT_TRUE(build.ok()) << build.status();
  if (!build.ok()) return "";
  const auto response = scheduler_->Submit(*std::move(build), now_);
  EXPECT_TRUE(response.ok()) << response.status();
  Collect();
  return response.ok() ? response->build_id() : "";
}

std::string SchedulerBench::Submit(const std::string& request_id, const std::string& graph) {
  return Submit(SubmissionOf(request_id, graph));
}

v1::SyncRequest SchedulerBench::Report(const std::string& name, int slots) {
  FakeWorker& worker = fleet_[name];
  v1::SyncRequest request;
  request.set_worker_id(name);
  request.set_worker_name(name);
  request.set_seq(++worker.seq);
  for (const std::string& platform : platforms) request.add_platforms(platform);
  request.set_slots(slots);
  int busy = 0;
  for (const auto& [id, assignment] : worker.work) {
    v1::RunReport* report = request.add_runs();
    report->set_run_id(id);
    *report->mutable_attempt() = assignment.attempt();
    if (const auto outcome = worker.outcomes.find(id); outcome != worker.outcomes.end()) {
      *report->mutable_outcome() = outcome->second;
    } else {
      ++busy;
    }
  }
  request.set_free_slots(std::max(0, slots - busy));
  return request;
}

std::string SchedulerBench::Call(const std::string& name, int slots) {
  FakeWorker& worker = fleet_[name];
  const absl::Status status = scheduler_->Report(Report(name, slots), now_);
  EXPECT_TRUE(status.ok()) << status;
  scheduler_->Assign(now_);
  const v1::SyncResponse response = scheduler_->Answer(name);
  std::map<std::string, v1::Assignment> work;
  for (const v1::Assignment& assignment : response.assignments()) {
    const auto known = worker.work.find(assignment.run_id());
    work[assignment.run_id()] =
        assignment.work_case() == v1::Assignment::WORK_NOT_SET && known != worker.work.end()
            ? known->second
            : assignment;
  }
  worker.work = std::move(work);
  worker.outcomes.clear();
  Collect();
  std::vector<std::string> names;
  for (const auto& [id, assignment] : worker.work) names.push_back(NameOf(assignment));
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, " ");
}

std::string SchedulerBench::NameOf(const v1::Assignment& assignment) const {
  return assignment.has_commit() ? "commit" : assignment.build().image().id();
}

void SchedulerBench::End(const std::string& name, const std::string& image,
                         const v1::Outcome& outcome) {
  FakeWorker& worker = fleet_[name];
  for (const auto& [id, assignment] : worker.work) {
    if (NameOf(assignment) != image || worker.outcomes.contains(id)) continue;
    worker.outcomes[id] = outcome;
    Call(name);
    return;
  }
  ADD_FAILURE() << name << " does not work on " << image;
}

void SchedulerBench::Succeed(const std::string& name, const std::string& image,
                             const std::string& digest) {
  v1::Outcome outcome;
  outcome.set_kind(v1::Outcome::KIND_SUCCEEDED);
  outcome.mutable_duration()->set_seconds(1);
  for (const auto& [id, assignment] : fleet_[name].work) {
    if (NameOf(assignment) != image) continue;
    if (assignment.has_commit()) {
      for (const v1::CommitRun::Move& move : assignment.commit().moves()) {
        registry[move.reference()] = move.digest();
        v1::TagStatus* tag = outcome.add_tags();
        tag->set_reference(move.reference());
        tag->set_digest(move.digest());
        tag->set_moved(true);
      }
    } else {
      outcome.mutable_result()->set_digest(
          digest.empty() ? absl::StrCat("sha256:", assignment.build().build_key()) : digest);
    }
    break;
  }
  End(name, image, outcome);
}

void SchedulerBench::Reuse(const std::string& name, const std::string& image) {
  v1::Outcome outcome;
  outcome.set_kind(v1::Outcome::KIND_REUSED);
  End(name, image, outcome);
}

void SchedulerBench::Fail(const std::string& name, const std::string& image,
                          v1::FailureClass failure_class) {
  v1::Outcome outcome;
  outcome.set_kind(v1::Outcome::KIND_FAILED);
  outcome.set_error("broken");
  outcome.set_failure_class(failure_class);
  End(name, image, outcome);
}

void SchedulerBench::Pass(absl::Duration time, const std::vector<std::string>& alive) {
  constexpr absl::Duration kStep = absl::Milliseconds(250);
  for (int step = 0; time > absl::ZeroDuration(); time -= kStep, ++step) {
    now_ += kStep;
    scheduler_->Tick(kStep, now_);
    if (step % 4 != 0) continue;
    for (const std::string& worker : alive) Call(worker, 0);
  }
  Collect();
}

void SchedulerBench::Drain(const std::string& name) {
  for (int round = 0; round < 1000; ++round) {
    const std::string work = Call(name);
    if (work.empty()) {
      if (scheduler_->runs().empty()) return;
      Pass(absl::Seconds(1));
      continue;
    }
    for (const std::string& image :
         std::vector<std::string>(absl::StrSplit(work, ' ', absl::SkipEmpty()))) {
      Succeed(name, image);
      if (image == "commit") break;
    }
  }
}

std::string SchedulerBench::Show(const std::string& build_id) const {
  const auto build = scheduler_->Find(build_id);
  if (!build.ok()) return std::string(build.status().message());
  std::vector<std::string> states;
  for (int t = 0; t < static_cast<int>((*build)->tasks.size()); ++t) {
    states.push_back(
        absl::StrCat((*build)->TaskName(t), "=",
                     Lower(v1::TaskState_Name((*build)->tasks[t].state), "TASK_STATE_")));
  }
  std::sort(states.begin(), states.end());
  return absl::StrJoin(states, " ");
}

std::string SchedulerBench::State(const std::string& build_id) const {
  const auto build = scheduler_->Find(build_id);
  if (!build.ok()) return std::string(build.status().message());
  return Lower(v1::BuildState_Name((*build)->state), "BUILD_STATE_");
}

v1::TaskStatus SchedulerBench::Task(const std::string& build_id, const std::string& image) const {
  const auto build = scheduler_->Find(build_id);
  if (!build.ok()) return v1::TaskStatus();
  const auto task = scheduler_->FindTask(build_id, image, "");
  return task.ok() ? (*build)->StatusOf(*task) : v1::TaskStatus();
}

void SchedulerBench::Collect() {
  for (const LedgerWrite& write : scheduler_->writes().Take()) {
    switch (write.kind) {
      case LedgerWrite::Kind::kDelete:
        ledger_.erase(write.key);
        break;
      case LedgerWrite::Kind::kRemoveScore:
        ledger_[write.key].erase(write.field);
        break;
      case LedgerWrite::Kind::kExpire:
        break;
      default:
        ledger_[write.key][write.field] = write.value;
    }
  }
}

void SchedulerBench::TakeOver() {
  Collect();
  std::vector<LedgerRecord> records;
  for (const auto& [key, fields] : ledger_) {
    for (const auto& [field, value] : fields) records.push_back({key, field, value});
  }
  scheduler_ = std::make_unique<Scheduler>(options_, "r/artifacts");
  scheduler_->Lead(++term_);
  scheduler_->Load(records, now_);
  Collect();
}

}  // namespace stevedore::coordinator::testing
