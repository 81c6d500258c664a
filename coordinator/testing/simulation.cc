#include "coordinator/testing/simulation.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "coordinator/build.h"

namespace stevedore::coordinator::testing {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);

SchedulerOptions QuickOptions() {
  SchedulerOptions options;
  options.trust_results = absl::Seconds(20);
  options.unschedulable = absl::Minutes(5);
  options.queue_tasks = 100'000;
  return options;
}

}  // namespace

Simulation::Simulation(uint64_t seed, Faults faults)
    : random_(seed), faults_(faults), options_(QuickOptions()) {
  CrashCoordinator();
  for (int i = 0; i < 4; ++i) AddWorker();
}

Simulation::~Simulation() = default;

bool Simulation::Chance(double chance) {
  return std::uniform_real_distribution<double>(0, 1)(random_) < chance;
}

// When a message arrives: mostly at once, sometimes late, so that later ones overtake it.
absl::Time Simulation::Soon() {
  const double seconds = Chance(0.1) ? std::uniform_real_distribution<double>(0, 8)(random_)
                                     : std::uniform_real_distribution<double>(0, 0.1)(random_);
  return now_ + absl::Seconds(seconds);
}

void Simulation::Fail(std::string what) {
  if (violation_.empty()) violation_ = absl::StrCat(absl::FormatTime(now_), ": ", what);
}

void Simulation::AddWorker() {
  SimulatedWorker worker;
  worker.id = absl::StrCat("w", ++worker_count_);
  worker.slots = std::uniform_int_distribution<int>(1, 4)(random_);
  workers_[worker.id] = worker;
}

void Simulation::SubmitOne() {
  Submission submission;
  submission.header.set_request_id(absl::StrCat("request ", ++build_count_));
  submission.header.set_detach(true);
  submission.header.set_push_tags(Chance(0.7));
  submission.header.set_no_cache(Chance(0.1));
  submission.header.set_retry_failed(Chance(0.2) ? 1 : 0);
  const int size = std::uniform_int_distribution<int>(1, 12)(random_);
  for (int i = 0; i < size; ++i) {
    v1::Image& image = submission.images.emplace_back();
    image.set_id(absl::StrCat("i", i));
    // Few names, so that builds share keys and tags.
    image.set_reference(absl::StrCat("r/i", i, ":1"));
    image.set_driver("sleep");
    image.add_platforms("linux/amd64");
    for (int p = 0; p < i; ++p) {
      if (Chance(2.0 / size)) image.add_parents(absl::StrCat("i", p));
    }
    if (Chance(0.3)) (*image.mutable_arguments())["A"] = absl::StrCat(build_count_ % 3);
  }
  submissions_.push_back(std::move(submission));
}

void Simulation::CrashCoordinator() {
  // Memory, held answers and waiting calls are gone; the ledger is not.
  pending_.clear();
  held_.clear();
  waiting_.clear();
  std::vector<LedgerRecord> records;
  for (const auto& [key, fields] : ledger_) {
    for (const auto& [field, value] : fields) records.push_back({key, field, value});
  }
  scheduler_ = std::make_unique<Scheduler>(options_, "");
  scheduler_->Lead(++term_);
  scheduler_->Load(records, now_);
  durable_ = 0;
  CheckShown();
}

void Simulation::Flush() {
  for (LedgerWrite& write : scheduler_->writes().Take()) pending_.push_back(std::move(write));
  for (const LedgerWrite& write : pending_) {
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
  pending_.clear();
  durable_ = scheduler_->writes().last_number();
  while (!held_.empty() && held_.front().number <= durable_) {
    Message message = std::move(held_.front().message);
    held_.pop_front();
    message.at = Soon();
    if (!Chance(faults_.loss)) network_.push_back(std::move(message));
  }
  // What is durable may be shown.
  for (const Build* build : scheduler_->Builds()) {
    if (IsOver(build->state)) shown_.emplace(build->id, build->state);
  }
}

void Simulation::CheckShown() {
  for (const auto& [id, state] : shown_) {
    const auto build = scheduler_->Find(id);
    if (build.ok() && (*build)->state != state) {
      Fail(absl::StrCat("build ", id, " was shown as ", v1::BuildState_Name(state), ", now it is ",
                        v1::BuildState_Name((*build)->state)));
    }
  }
}

void Simulation::Pump() {
  scheduler_->Assign(now_);
  for (const std::string& id : scheduler_->WorkersToAnswer()) {
    const auto waiting = waiting_.find(id);
    if (waiting == waiting_.end()) continue;
    HeldAnswer held;
    held.message.worker = id;
    held.message.seq = waiting->second;
    held.message.is_answer = true;
    held.message.response = scheduler_->Answer(id);
    held.number = scheduler_->writes().last_number();
    waiting_.erase(waiting);
    held_.push_back(std::move(held));
  }
}

void Simulation::Deliver(const Message& message) {
  const auto worker = workers_.find(message.worker);
  if (message.is_answer) {
    if (worker != workers_.end()) Act(worker->second, message);
    return;
  }
  if (!scheduler_->Report(message.request, now_).ok()) return;
  waiting_[message.worker] = message.seq;
  // Every call is answered some time: here with the next pump, or at the latest then.
  if (Chance(0.3)) scheduler_->Assign(now_);
  Pump();
}

void Simulation::Act(SimulatedWorker& worker, const Message& message) {
  if (message.seq <= worker.answered || worker.paused_until > now_) return;
  worker.answered = message.seq;
  CheckAnswer(message.response, worker);
  std::map<std::string, Work> work;
  for (const v1::Assignment& assignment : message.response.assignments()) {
    const auto known = worker.work.find(assignment.run_id());
    const bool same =
        known != worker.work.end() &&
        known->second.assignment.attempt().term() == assignment.attempt().term() &&
        known->second.assignment.attempt().counter() == assignment.attempt().counter();
    if (same) {
      work[assignment.run_id()] = known->second;
    } else if (assignment.work_case() != v1::Assignment::WORK_NOT_SET) {
      Work& added = work[assignment.run_id()];
      added.assignment = assignment;
      added.end = now_ + absl::Seconds(std::uniform_real_distribution<double>(0, 6)(random_));
    }
  }
  for (auto& [id, old] : worker.work) {
    // An outcome is repeated until an answer to a call that carried it does not list the run.
    const auto carried = worker.carried.find(message.seq);
    const bool acknowledged = carried != worker.carried.end() && carried->second.contains(id);
    if (old.over && !work.contains(id) && !acknowledged) work[id] = old;
  }
  worker.work = std::move(work);
  worker.carried.erase(worker.carried.begin(), worker.carried.upper_bound(message.seq));
  worker.next_call = now_;
}

void Simulation::CheckAnswer(const v1::SyncResponse& response, const SimulatedWorker& worker) {
  if (response.assignments_size() > worker.slots) {
    Fail(absl::StrCat(worker.id, " has ", worker.slots, " slots, but was given ",
                      response.assignments_size(), " runs"));
  }
  for (const v1::Assignment& assignment : response.assignments()) {
    const std::pair<int64_t, int64_t> attempt = {assignment.attempt().term(),
                                                 assignment.attempt().counter()};
    const std::pair<std::string, std::string> holder = {assignment.run_id(), worker.id};
    const auto [it, added] = attempt_of_.emplace(attempt, holder);
    if (!added && it->second != holder) {
      Fail(absl::StrCat("attempt ", attempt.first, ".", attempt.second, " was given to ",
                        it->second.second, " and ", worker.id));
    }
    for (const v1::ParentImage& parent : assignment.build().parents()) {
      if (!digests_.contains(parent.digest())) {
        Fail(absl::StrCat(assignment.build().image().id(), " was given out with the parent digest ",
                          parent.digest(), ", which nobody made"));
      }
    }
  }
}

void Simulation::Finish(Work& work) {
  work.over = true;
  v1::Outcome& outcome = work.outcome;
  outcome.set_kind(v1::Outcome::KIND_SUCCEEDED);
  if (work.assignment.has_commit()) {
    for (const v1::CommitRun::Move& move : work.assignment.commit().moves()) {
      if (!digests_.contains(move.digest())) {
        Fail(
            absl::StrCat(move.reference(), " was moved to ", move.digest(), ", which nobody made"));
      }
    }
    const std::vector<std::string> parts = absl::StrSplit(work.assignment.run_id(), '.');
    const auto shown = shown_.find(parts[1]);
    if (shown != shown_.end() && shown->second == v1::BUILD_STATE_CANCELLED) {
      Fail(absl::StrCat("tags of build ", parts[1], " moved after it was cancelled"));
    }
    return;
  }
  if (Chance(faults_.user_failure) || Chance(faults_.infrastructure_failure)) {
    outcome.set_kind(v1::Outcome::KIND_FAILED);
    outcome.set_failure_class(Chance(0.4) ? v1::FAILURE_CLASS_USER
                                          : v1::FAILURE_CLASS_INFRASTRUCTURE);
  } else if (Chance(faults_.hand_back)) {
    outcome.set_kind(v1::Outcome::KIND_HANDED_BACK);
  } else if (!work.assignment.build().known_result().digest().empty() && Chance(0.8)) {
    outcome.set_kind(v1::Outcome::KIND_REUSED);
    *outcome.mutable_result() = work.assignment.build().known_result();
  } else {
    // Every try gives another digest, so that mixing them up shows.
    outcome.mutable_result()->set_digest(absl::StrCat("sha256:", ++digest_count_));
    digests_.insert(outcome.result().digest());
  }
}

void Simulation::Call(SimulatedWorker& worker) {
  Message message;
  message.at = Soon();
  message.worker = worker.id;
  message.seq = ++worker.seq;
  v1::SyncRequest& request = message.request;
  request.set_worker_id(worker.id);
  request.set_seq(worker.seq);
  request.set_slots(worker.slots);
  request.add_platforms("linux/amd64");
  int busy = 0;
  for (const auto& [id, work] : worker.work) {
    v1::RunReport* report = request.add_runs();
    report->set_run_id(id);
    *report->mutable_attempt() = work.assignment.attempt();
    if (work.over) {
      *report->mutable_outcome() = work.outcome;
      worker.carried[worker.seq].insert(id);
    } else {
      ++busy;
    }
  }
  request.set_free_slots(std::max(0, worker.slots - busy));
  worker.next_call = now_ + absl::Seconds(2);
  if (Chance(faults_.duplicate)) {
    network_.push_back(message);
    message.at = Soon();
  }
  if (!Chance(faults_.loss)) network_.push_back(std::move(message));
}

void Simulation::MoveWorkers() {
  for (auto& [id, worker] : workers_) {
    if (worker.paused_until > now_) continue;
    bool news = false;
    for (auto& [run, work] : worker.work) {
      if (work.over || work.end > now_) continue;
      Finish(work);
      news = true;
    }
    if (news || worker.next_call <= now_) Call(worker);
  }
}

void Simulation::CancelOne() {
  if (builds_.empty()) return;
  const size_t which = std::uniform_int_distribution<size_t>(0, builds_.size() - 1)(random_);
  (void)scheduler_->Cancel(builds_[which], "", now_);
}

void Simulation::Step() {
  now_ += kTick;
  while (!submissions_.empty()) {
    auto build = Build::Create(submissions_.back(), 1000);
    submissions_.pop_back();
    if (!build.ok()) {
      Fail(std::string(build.status().message()));
      continue;
    }
    const auto response = scheduler_->Submit(*std::move(build), now_);
    if (response.ok()) builds_.push_back(response->build_id());
    Flush();  // The client has its answer.
  }
  std::vector<Message> arriving;
  std::erase_if(network_, [&](Message& message) {
    if (message.at > now_) return false;
    arriving.push_back(std::move(message));
    return true;
  });
  std::sort(arriving.begin(), arriving.end(),
            [](const Message& a, const Message& b) { return a.at < b.at; });
  for (const Message& message : arriving) Deliver(message);
  scheduler_->Tick(kTick, now_);
  Pump();
  if (Chance(0.7)) Flush();
  MoveWorkers();
  if (Chance(faults_.coordinator_crash)) CrashCoordinator();
  if (Chance(faults_.cancel)) CancelOne();
  if (!workers_.empty() && Chance(faults_.worker_crash)) {
    workers_.erase(std::next(
        workers_.begin(),
        std::uniform_int_distribution<int>(0, static_cast<int>(workers_.size()) - 1)(random_)));
    AddWorker();
  }
  if (Chance(faults_.worker_pause))
    workers_.begin()->second.paused_until = now_ + absl::Seconds(30);
  CheckShown();
}

void Simulation::Run(int builds, int steps) {
  for (int i = 0; i < steps && violation_.empty(); ++i) {
    if (i * builds / steps != (i + 1) * builds / steps) SubmitOne();
    Step();
  }
}

bool Simulation::Settle() {
  faults_ = Faults{.coordinator_crash = 0,
                   .worker_crash = 0,
                   .worker_pause = 0,
                   .cancel = 0,
                   .duplicate = 0,
                   .loss = 0,
                   .user_failure = 0,
                   .infrastructure_failure = 0,
                   .hand_back = 0};
  for (int i = 0; i < 4000 && violation_.empty(); ++i) {
    Step();
    if (scheduler_->unfinished_tasks() == 0 && scheduler_->runs().empty()) break;
  }
  Flush();
  for (const Build* build : scheduler_->Builds()) {
    if (!IsOver(build->state)) return false;
  }
  return scheduler_->unfinished_tasks() == 0;
}

std::string Simulation::Summary() const {
  std::map<std::string, int> counts;
  for (const Build* build : scheduler_->Builds()) ++counts[v1::BuildState_Name(build->state)];
  std::string text;
  for (const auto& [state, count] : counts) absl::StrAppend(&text, state, "=", count, " ");
  return text;
}

}  // namespace stevedore::coordinator::testing
