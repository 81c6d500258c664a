#include "worker/sync_state.h"

#include <algorithm>
#include <utility>

namespace stevedore::worker {
namespace {

constexpr size_t kWarmLimit = 64;

RunKey KeyOf(const v1::Assignment& assignment) {
  return {assignment.run_id(), assignment.attempt().term(), assignment.attempt().counter()};
}

}  // namespace

v1::SyncRequest SyncState::MakeRequest(absl::Duration now) {
  v1::SyncRequest request;
  request.set_worker_id(worker_id_);
  request.set_worker_name(options_->worker_name);
  request.set_seq(++seq_);
  request.set_term(term_);
  for (const std::string& platform : options_->platforms) request.add_platforms(platform);
  request.set_slots(options_->slots);
  request.set_free_slots(draining_ ? 0 : std::max(0, options_->slots - running_count()));
  request.set_draining(draining_);
  if (draining_ && drain_seq_ == 0) drain_seq_ = seq_;
  for (const auto& [key, run] : runs_) Report(*run, request.add_runs());
  for (const std::string& digest : warm_) request.add_warm_digests(digest);
  sent_[seq_] = now;
  return request;
}

void SyncState::Report(AgentRun& run, v1::RunReport* report) {
  report->set_run_id(run.key.run_id);
  report->mutable_attempt()->set_term(run.key.term);
  report->mutable_attempt()->set_counter(run.key.counter);
  const RunMonitor::Progress progress = run.monitor->progress();
  report->set_phase(progress.phase);
  report->set_done_bytes(static_cast<int64_t>(progress.done_bytes));
  report->set_total_bytes(static_cast<int64_t>(progress.total_bytes));
  report->set_log_bytes(static_cast<int64_t>(run.monitor->log().size()));
  run.reported_bytes = progress.done_bytes;
  if (run.reported_seq == 0) run.reported_seq = seq_;
  if (run.outcome.has_value()) {
    *report->mutable_outcome() = *run.outcome;
    if (run.carried_seq == 0) run.carried_seq = seq_;
  }
}

SyncState::Actions SyncState::Accept(int64_t seq, const v1::SyncResponse& response) {
  Actions actions;
  const auto sent = sent_.find(seq);
  if (response.term() < term_) {
    actions.lower_term = true;
    return actions;
  }
  term_ = response.term();
  if (seq <= answered_seq_ || sent == sent_.end()) return actions;
  answered_seq_ = seq;
  actions.accepted = true;
  // Counted from the sending of the call: the coordinator renewed the lease later than that.
  const absl::Duration lease_until = sent->second + options_->lease;
  sent_.erase(sent_.begin(), std::next(sent));
  std::map<RunKey, bool> listed;
  for (const v1::Assignment& assignment : response.assignments()) {
    listed[KeyOf(assignment)] = true;
    AcceptAssignment(assignment, lease_until, &actions);
  }
  AcceptAbsence(seq, listed, &actions);
  AcceptLogRequests(response, &actions);
  return actions;
}

void SyncState::AcceptAssignment(const v1::Assignment& assignment, absl::Duration lease_until,
                                 Actions* actions) {
  const RunKey key = KeyOf(assignment);
  if (const auto it = runs_.find(key); it != runs_.end()) {
    it->second->monitor->ExtendLease(lease_until);
    return;
  }
  // A run that ended here and was acknowledged by an answer to an earlier call, or one whose
  // payload is on the way: the next report lacks it, so it is sent again if it is meant.
  if (assignment.work_case() == v1::Assignment::WORK_NOT_SET) return;
  auto run = std::make_shared<AgentRun>();
  run->key = key;
  run->assignment = assignment;
  run->monitor = make_monitor_();
  run->monitor->ExtendLease(lease_until);
  runs_[key] = run;
  actions->changed = true;
  if (draining_) {
    v1::Outcome outcome;
    outcome.set_kind(v1::Outcome::KIND_HANDED_BACK);
    run->outcome = std::move(outcome);
    return;
  }
  actions->start.push_back(std::move(run));
}

void SyncState::AcceptAbsence(int64_t seq, const std::map<RunKey, bool>& listed, Actions* actions) {
  for (auto it = runs_.begin(); it != runs_.end();) {
    const std::shared_ptr<AgentRun>& run = it->second;
    if (listed.count(it->first) > 0 || run->reported_seq == 0 || run->reported_seq > seq) {
      ++it;
      continue;
    }
    if (!run->outcome.has_value()) {
      // Unknown there: cancelled, or given to somebody else. It stays until it has stopped and that
      // was reported.
      if (!run->stop.stop_requested()) {
        actions->cancel.push_back(run);
        actions->changed = true;
      }
      ++it;
      continue;
    }
    if (run->carried_seq == 0 || run->carried_seq > seq) {
      ++it;
      continue;
    }
    actions->changed = true;
    if (run->log_wanted) tails_.push_back(run);
    it = runs_.erase(it);
  }
}

void SyncState::AcceptLogRequests(const v1::SyncResponse& response, Actions* actions) {
  std::map<std::string, uint64_t> wanted;
  for (const v1::LogRequest& request : response.log_requests()) {
    wanted[request.run_id()] = static_cast<uint64_t>(std::max<int64_t>(0, request.offset()));
  }
  for (const auto& [key, run] : runs_) {
    const auto it = wanted.find(key.run_id);
    if (it == wanted.end()) {
      run->log_wanted = false;
    } else if (!run->log_wanted && !(run->log_complete && it->second >= run->log_offset)) {
      run->log_wanted = true;
      run->log_complete = false;
      run->log_offset = it->second;
      actions->changed = true;
    }
  }
}

void SyncState::Finish(AgentRun& run, v1::Outcome outcome) {
  if (outcome.kind() == v1::Outcome::KIND_SUCCEEDED || outcome.kind() == v1::Outcome::KIND_REUSED) {
    for (const v1::ParentImage& parent : run.assignment.build().parents()) {
      AddWarmDigest(parent.digest());
    }
    AddWarmDigest(outcome.result().digest());
  }
  run.outcome = std::move(outcome);
}

void SyncState::AddWarmDigest(const std::string& digest) {
  if (digest.empty()) return;
  const auto it = std::find(warm_.begin(), warm_.end(), digest);
  if (it != warm_.end()) warm_.erase(it);
  warm_.push_back(digest);
  if (warm_.size() > kWarmLimit) warm_.pop_front();
}

int SyncState::running_count() const {
  int count = 0;
  for (const auto& [key, run] : runs_) count += run->outcome.has_value() ? 0 : 1;
  return count;
}

}  // namespace stevedore::worker
