#include "coordinator/testing/queue_fleet.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace stevedore::coordinator::testing {
namespace {

v1::RunReport Done(const v1::Assignment& assignment) {
  v1::RunReport report;
  report.set_run_id(assignment.run_id());
  *report.mutable_attempt() = assignment.attempt();
  v1::Outcome* outcome = report.mutable_outcome();
  outcome->set_kind(v1::Outcome::KIND_SUCCEEDED);
  outcome->mutable_duration()->set_nanos(1'000'000);
  if (assignment.has_build()) {
    v1::ManifestResult* result = outcome->mutable_result();
    result->set_digest(absl::StrCat("sha256:", assignment.build().build_key()));
    result->set_media_type("application/vnd.oci.image.manifest.v1+json");
    result->set_size(500);
    result->set_image_bytes(1'000'000);
  }
  for (const v1::CommitRun::Move& move : assignment.commit().moves()) {
    v1::TagStatus* tag = outcome->add_tags();
    tag->set_reference(move.reference());
    tag->set_digest(move.digest());
    tag->set_moved(true);
  }
  return report;
}

}  // namespace

void Wait(absl::FunctionRef<bool()> condition) {
  base::Mutex mu;
  base::CondVar never;
  base::MutexLock lock(&mu);
  for (int i = 0; i < 4000 && !condition(); ++i) never.WaitFor(&mu, absl::Milliseconds(5));
  EXPECT_TRUE(condition());
}

QueueWorker::QueueWorker(Queue* queue, std::string id, int slots,
                         std::vector<std::string> platforms)
    : queue_(queue), id_(std::move(id)), slots_(slots), platforms_(std::move(platforms)) {
  Call();
}

QueueWorker::~QueueWorker() {
  Queue::WaitId wait = 0;
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    wait = wait_;
  }
  queue_->Abandon(wait);
  base::MutexLock lock(&mu_);
  while (calling_) {
    if (!idle_.WaitFor(&mu_, absl::Milliseconds(50)) && calling_) {
      // The id was not known yet when this began.
      wait = wait_;
      mu_.Unlock();
      queue_->Abandon(wait);
      mu_.Lock();
    }
  }
}

int64_t QueueWorker::ended() {
  base::MutexLock lock(&mu_);
  return ended_;
}

int64_t QueueWorker::calls() {
  base::MutexLock lock(&mu_);
  return seq_;
}

void QueueWorker::Call() {
  v1::SyncRequest request;
  int64_t seq = 0;
  {
    base::MutexLock lock(&mu_);
    if (stopping_) {
      calling_ = false;
      idle_.SignalAll();
      return;
    }
    calling_ = true;
    seq = ++seq_;
    request.set_worker_id(id_);
    request.set_worker_name(id_);
    request.set_seq(seq);
    request.set_term(term_);
    request.set_slots(slots_);
    request.set_free_slots(slots_);
    for (const std::string& platform : platforms_) request.add_platforms(platform);
    for (const auto& [id, report] : reports_) *request.add_runs() = report;
  }
  const Queue::WaitId wait =
      queue_->Sync(request, [this](auto response) { Take(std::move(response)); });
  if (wait == 0) return;  // Answered, maybe destroyed.
  base::MutexLock lock(&mu_);
  if (seq_ == seq) wait_ = wait;
}

void QueueWorker::Take(absl::StatusOr<v1::SyncResponse> response) {
  {
    base::MutexLock lock(&mu_);
    if (response.ok()) {
      term_ = response->term();
      reports_.clear();
      for (const v1::Assignment& assignment : response->assignments()) {
        reports_[assignment.run_id()] = Done(assignment);
        ++ended_;
      }
    }
    if (absl::IsUnavailable(response.status())) idle_.WaitFor(&mu_, absl::Milliseconds(2));
  }
  Call();
}

}  // namespace stevedore::coordinator::testing
