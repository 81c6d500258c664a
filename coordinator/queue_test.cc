#include "coordinator/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/testing/faulty_ledger.h"
#include "coordinator/testing/queue_fleet.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using testing::Answer;
using testing::FaultyLedger;
using ::testing::HasSubstr;
using testing::QueueWorker;
using testing::SubmissionOf;
using testing::Wait;

QueueOptions Fast() {
  QueueOptions options;
  options.takeover = absl::ZeroDuration();
  options.watch_interval = absl::ZeroDuration();
  options.busy_sync = absl::Milliseconds(100);
  return options;
}

class QueueTest : public ::testing::Test {
 protected:
  void Begin(QueueOptions options = Fast()) {
    auto ledger = std::make_unique<FaultyLedger>(std::make_unique<MemoryLedger>());
    ledger_ = ledger.get();
    queue_ = std::make_unique<Queue>(options, std::move(ledger));
    queue_->Start("here:1");
    ASSERT_OK(queue_->AwaitLeadership(absl::Seconds(10)));
  }

  absl::StatusOr<v1::SubmitBuildResponse> Submit(const std::string& request,
                                                 const std::string& graph) {
    Answer<v1::SubmitBuildResponse> answer;
    queue_->SubmitBuild(SubmissionOf(request, graph), answer.deliver());
    return answer.Get();
  }

  // Watches to the end.
  v1::BuildStatus Watch(const std::string& build) {
    v1::WatchBuildRequest request;
    request.set_build_id(build);
    while (true) {
      Answer<Queue::WatchAnswer> answer;
      queue_->WatchBuild(request, answer.deliver());
      auto step = answer.Get();
      EXPECT_OK(step);
      if (!step.ok() || step->last) return step.ok() ? step->response.build() : v1::BuildStatus();
      request.set_resume_id(step->response.resume_id());
    }
  }

  FaultyLedger* ledger_ = nullptr;  // Owned by the queue.
  std::unique_ptr<Queue> queue_;
};

TEST_F(QueueTest, BuildsAGraphWithWorkersThatWait) {
  Begin();
  QueueWorker w1(queue_.get(), "w1", 2), w2(queue_.get(), "w2", 2);
  ASSERT_OK_AND_ASSIGN(const auto submitted, Submit("r1", "a; b: a; c: a; d: b c; e: d"));
  const v1::BuildStatus status = Watch(submitted.build_id());
  EXPECT_EQ(status.state(), v1::BUILD_STATE_SUCCEEDED) << status.error();
  EXPECT_EQ(status.succeeded_count(), 5);
  EXPECT_EQ(w1.ended() + w2.ended(), 5);
}

TEST_F(QueueTest, AnIdleWorkersCallWaits) {
  Begin();
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  request.set_free_slots(1);
  request.add_platforms("linux/amd64");
  Answer<v1::SyncResponse> answer;
  const Queue::WaitId id = queue_->Sync(request, answer.deliver());
  EXPECT_NE(id, 0);
  ASSERT_OK(Submit("r1", "a"));
  ASSERT_OK_AND_ASSIGN(const v1::SyncResponse response, answer.Get());
  ASSERT_EQ(response.assignments_size(), 1);
  EXPECT_EQ(response.assignments(0).build().image().id(), "a");
  EXPECT_GT(response.term(), 0);
}

TEST_F(QueueTest, ALaterCallEndsTheEarlierOne) {
  Begin();
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  Answer<v1::SyncResponse> first, second;
  queue_->Sync(request, first.deliver());
  request.set_seq(2);
  const Queue::WaitId id = queue_->Sync(request, second.deliver());
  EXPECT_THAT(first.Get(), StatusIs(absl::StatusCode::kAborted));
  queue_->Abandon(id);
  EXPECT_THAT(second.Get(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(QueueTest, NoAnswerLeavesBeforeTheLedgerHasIt) {
  Begin();
  ledger_->Hold();
  Answer<v1::SubmitBuildResponse> answer;
  queue_->SubmitBuild(SubmissionOf("r1", "a"), answer.deliver());
  ledger_->AwaitHeld();
  EXPECT_FALSE(answer.ready());
  ledger_->Release();
  ASSERT_OK(answer.Get());
}

TEST_F(QueueTest, CallsAreUnavailableWhileTheLedgerIsAway) {
  Begin();
  ledger_->Break(absl::UnavailableError("Redis: LOADING"));
  EXPECT_THAT(Submit("r1", "a"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("LOADING")));
  EXPECT_FALSE(queue_->ready());
  ledger_->Repair();
  Wait([&] { return queue_->ready(); });
  ASSERT_OK_AND_ASSIGN(const auto again, Submit("r1", "a"));
  EXPECT_TRUE(again.repeated_request()) << "memory ran ahead, the answer did not";
}

TEST_F(QueueTest, ALostReplyOfAnApplyIsHarmless) {
  Begin();
  ledger_->LoseNextReply();
  // The answer that waited is refused; the write is not repeated.
  (void)Submit("r1", "a");
  Wait([&] { return queue_->ready(); });
  ASSERT_OK(Submit("r1", "a"));
  Answer<v1::ListBuildsResponse> list;
  queue_->ListBuilds({}, list.deliver());
  ASSERT_OK_AND_ASSIGN(const auto builds, list.Get());
  EXPECT_EQ(builds.builds_size(), 1);
}

TEST_F(QueueTest, AForgetfulLedgerIsWrittenAgainByTheLeader) {
  Begin();
  ASSERT_OK_AND_ASSIGN(const auto submitted, Submit("r1", "a; b: a"));
  ledger_->memory().Clear();
  ASSERT_OK(Submit("r2", "x"));
  ASSERT_OK_AND_ASSIGN(const std::vector<LedgerRecord> records, ledger_->memory().Load());
  std::map<std::string, int> heads;
  for (const LedgerRecord& record : records) heads[record.key] += record.field == "head";
  EXPECT_EQ(heads["build:" + submitted.build_id()], 1);
  EXPECT_EQ(heads.size(), 2);
}

TEST_F(QueueTest, AFencedLeaderStepsDown) {
  Begin();
  ASSERT_OK_AND_ASSIGN(const auto leader, ledger_->memory().ReadLeader());
  const int64_t later = leader->term + 1'000'000'000'000;
  ASSERT_OK(ledger_->memory().Claim(leader, LeaderRecord{later, 0, "there:2"}));
  Wait([&] { return !queue_->ready(); });
  EXPECT_EQ(queue_->GetServer().leader() == "here:1", false);
}

TEST_F(QueueTest, StopGivesLeadershipUp) {
  auto shared = std::make_unique<MemoryLedger>();
  MemoryLedger* memory = shared.get();
  auto faulty = std::make_unique<FaultyLedger>(std::move(shared));
  auto kept = faulty->Share();
  queue_ = std::make_unique<Queue>(Fast(), std::move(faulty));
  queue_->Start("here:1");
  ASSERT_OK(queue_->AwaitLeadership(absl::Seconds(10)));
  queue_->Stop();
  ASSERT_OK_AND_ASSIGN(const auto leader, memory->ReadLeader());
  EXPECT_EQ(leader->address, "");
  EXPECT_THAT(Submit("r1", "a"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopping")));
}

TEST_F(QueueTest, ASuccessorGoesOnAndWatchersResume) {
  auto faulty = std::make_unique<FaultyLedger>(std::make_unique<MemoryLedger>());
  auto second = faulty->Share();
  queue_ = std::make_unique<Queue>(Fast(), std::move(faulty));
  queue_->Start("first:1");
  ASSERT_OK(queue_->AwaitLeadership(absl::Seconds(10)));
  ASSERT_OK_AND_ASSIGN(const auto submitted, Submit("r1", "a; b: a"));
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  request.set_free_slots(1);
  request.add_platforms("linux/amd64");
  Answer<v1::SyncResponse> taken;
  queue_->Sync(request, taken.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::SyncResponse assigned, taken.Get());
  ASSERT_EQ(assigned.assignments_size(), 1);
  // The first one is fenced, as if it had been stopped for a while.
  auto successor = std::make_unique<Queue>(Fast(), std::move(second));
  successor->Start("second:1");
  ASSERT_OK(successor->AwaitLeadership(absl::Seconds(10)));
  Wait([&] { return !queue_->ready(); });
  // The worker reports to the second what the first gave it.
  request.set_seq(2);
  request.set_term(assigned.term());
  request.set_free_slots(0);
  v1::RunReport* report = request.add_runs();
  report->set_run_id(assigned.assignments(0).run_id());
  *report->mutable_attempt() = assigned.assignments(0).attempt();
  report->mutable_outcome()->set_kind(v1::Outcome::KIND_SUCCEEDED);
  report->mutable_outcome()->mutable_result()->set_digest("sha256:kept");
  Answer<v1::SyncResponse> acknowledged;
  successor->Sync(request, acknowledged.deliver());
  ASSERT_OK(acknowledged.Get());
  Answer<v1::GetBuildResponse> get;
  v1::GetBuildRequest which;
  which.set_build_id(submitted.build_id());
  successor->GetBuild(which, get.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::GetBuildResponse build, get.Get());
  EXPECT_EQ(build.tasks(0).result().digest(), "sha256:kept");
  EXPECT_EQ(build.tasks(0).attempt_count(), 1);
}

TEST_F(QueueTest, LogsComeOnlyWhileSomebodyTails) {
  Begin();
  ASSERT_OK_AND_ASSIGN(const auto submitted, Submit("r1", "a"));
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  request.set_free_slots(1);
  request.add_platforms("linux/amd64");
  Answer<v1::SyncResponse> taken;
  queue_->Sync(request, taken.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::SyncResponse assigned, taken.Get());
  ASSERT_EQ(assigned.assignments_size(), 1);
  EXPECT_EQ(assigned.log_requests_size(), 0);
  request.set_seq(2);
  request.set_free_slots(0);
  v1::RunReport* report = request.add_runs();
  report->set_run_id(assigned.assignments(0).run_id());
  *report->mutable_attempt() = assigned.assignments(0).attempt();
  Answer<v1::SyncResponse> waiting;
  queue_->Sync(request, waiting.deliver());
  v1::TailLogRequest tail;
  tail.set_build_id(submitted.build_id());
  tail.set_image_id("a");
  Answer<v1::TailLogResponse> piece;
  queue_->TailLog(tail, piece.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::SyncResponse asked, waiting.Get());
  ASSERT_EQ(asked.log_requests_size(), 1);
  v1::AppendLogRequest append;
  append.set_run_id(report->run_id());
  *append.mutable_attempt() = report->attempt();
  append.set_data("\xff half a line");
  ASSERT_OK(queue_->AppendLog(append));
  ASSERT_OK_AND_ASSIGN(const v1::TailLogResponse first, piece.Get());
  EXPECT_EQ(first.data(), "\xff half a line");
  // The end comes with the outcome.
  request.set_seq(3);
  report->set_log_bytes(15);
  report->mutable_outcome()->set_kind(v1::Outcome::KIND_FAILED);
  report->mutable_outcome()->set_log_tail("\xff half a line.\n");
  report->mutable_outcome()->set_failure_class(v1::FAILURE_CLASS_USER);
  Answer<v1::SyncResponse> done;
  queue_->Sync(request, done.deliver());
  ASSERT_OK(done.Get());
  append.set_offset(13);
  append.set_data(".\n");
  append.set_complete(true);
  ASSERT_OK(queue_->AppendLog(append)) << "the last piece may come after the outcome";
  tail.set_offset(13);
  Answer<v1::TailLogResponse> rest;
  queue_->TailLog(tail, rest.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::TailLogResponse last, rest.Get());
  EXPECT_EQ(last.data(), ".\n");
  tail.set_offset(15);
  Answer<v1::TailLogResponse> end;
  queue_->TailLog(tail, end.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::TailLogResponse nothing, end.Get());
  EXPECT_TRUE(nothing.complete());
}

TEST_F(QueueTest, ALogThatNobodyReadInTimeEndsWithItsTail) {
  Begin();
  ASSERT_OK_AND_ASSIGN(const auto submitted, Submit("r1", "a"));
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  request.set_free_slots(1);
  request.add_platforms("linux/amd64");
  Answer<v1::SyncResponse> taken, done;
  queue_->Sync(request, taken.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::SyncResponse assigned, taken.Get());
  request.set_seq(2);
  v1::RunReport* report = request.add_runs();
  report->set_run_id(assigned.assignments(0).run_id());
  *report->mutable_attempt() = assigned.assignments(0).attempt();
  report->set_log_bytes(100'000'000);
  report->mutable_outcome()->set_kind(v1::Outcome::KIND_FAILED);
  report->mutable_outcome()->set_log_tail("the end");
  report->mutable_outcome()->set_failure_class(v1::FAILURE_CLASS_USER);
  queue_->Sync(request, done.deliver());
  ASSERT_OK(done.Get());
  v1::TailLogRequest tail;
  tail.set_build_id(submitted.build_id());
  tail.set_image_id("a");
  Answer<v1::TailLogResponse> rest;
  queue_->TailLog(tail, rest.deliver());
  ASSERT_OK_AND_ASSIGN(const v1::TailLogResponse last, rest.Get());
  EXPECT_EQ(last.offset(), 100'000'000 - 7);
  EXPECT_EQ(last.data(), "the end");
  EXPECT_TRUE(last.complete());
}

TEST_F(QueueTest, ListsArePaged) {
  Begin();
  for (const char* request : {"r1", "r2", "r3"}) ASSERT_OK(Submit(request, "a"));
  v1::ListBuildsRequest request;
  request.set_page_size(2);
  Answer<v1::ListBuildsResponse> first, second;
  queue_->ListBuilds(request, first.deliver());
  ASSERT_OK_AND_ASSIGN(const auto page, first.Get());
  EXPECT_EQ(page.builds_size(), 2);
  request.set_page_token(page.next_page_token());
  queue_->ListBuilds(request, second.deliver());
  ASSERT_OK_AND_ASSIGN(const auto rest, second.Get());
  EXPECT_EQ(rest.builds_size(), 1);
  EXPECT_EQ(rest.next_page_token(), "");
}

TEST_F(QueueTest, UnknownBuildsAreNotFound) {
  Begin();
  Answer<v1::CancelBuildResponse> cancel;
  v1::CancelBuildRequest request;
  request.set_build_id("nope");
  queue_->CancelBuild(request, cancel.deliver());
  EXPECT_THAT(cancel.Get(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("`nope`")));
  Answer<Queue::WatchAnswer> watch;
  v1::WatchBuildRequest which;
  which.set_build_id("nope");
  queue_->WatchBuild(which, watch.deliver());
  EXPECT_THAT(watch.Get(), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::coordinator
