#include "worker/sync_state.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/agent.h"
#include "worker/executor.h"

namespace stevedore::worker {
namespace {

void Assign(v1::SyncResponse& response, const std::string& run, int64_t counter,
            bool payload = true) {
  v1::Assignment* const assignment = response.add_assignments();
  assignment->set_run_id(run);
  assignment->mutable_attempt()->set_term(1);
  assignment->mutable_attempt()->set_counter(counter);
  if (payload) assignment->mutable_build()->mutable_image()->set_id(run);
}

v1::SyncResponse Answer(int64_t term = 1) {
  v1::SyncResponse response;
  response.set_term(term);
  return response;
}

v1::Outcome Success() {
  v1::Outcome outcome;
  outcome.set_kind(v1::Outcome::KIND_SUCCEEDED);
  outcome.mutable_result()->set_digest("sha256:aa");
  return outcome;
}

class SyncStateTest : public testing::Test {
 protected:
  // Makes a call and answers it.
  SyncState::Actions Exchange(const v1::SyncResponse& response) {
    const int64_t seq = state_.MakeRequest(absl::Seconds(1)).seq();
    return state_.Accept(seq, response);
  }
  // Starts run "r" with attempt 1.
  std::shared_ptr<AgentRun> StartRun() {
    v1::SyncResponse response = Answer();
    Assign(response, "r", 1);
    SyncState::Actions actions = Exchange(response);
    EXPECT_EQ(actions.start.size(), 1);
    return actions.start[0];
  }

  AgentOptions options_ = [] {
    AgentOptions options;
    options.slots = 2;
    options.worker_name = "w";
    options.platforms = {"linux/amd64"};
    return options;
  }();
  SyncState state_{&options_, "id", [] { return std::make_unique<RunMonitor>(); }};
};

TEST_F(SyncStateTest, SaysWhoItIsAndWhatItCanTake) {
  const v1::SyncRequest request = state_.MakeRequest(absl::ZeroDuration());
  EXPECT_EQ(request.worker_id(), "id");
  EXPECT_EQ(request.worker_name(), "w");
  EXPECT_EQ(request.seq(), 1);
  EXPECT_EQ(request.slots(), 2);
  EXPECT_EQ(request.free_slots(), 2);
  EXPECT_EQ(request.platforms(0), "linux/amd64");
  EXPECT_EQ(state_.MakeRequest(absl::ZeroDuration()).seq(), 2);
}

TEST_F(SyncStateTest, AnAssignmentThatComesTwiceStartsOnce) {
  StartRun();
  v1::SyncResponse again = Answer();
  Assign(again, "r", 1);
  EXPECT_TRUE(Exchange(again).start.empty());
  const v1::SyncRequest request = state_.MakeRequest(absl::ZeroDuration());
  EXPECT_EQ(request.free_slots(), 1);
  ASSERT_EQ(request.runs_size(), 1);
  EXPECT_EQ(request.runs(0).attempt().counter(), 1);
}

TEST_F(SyncStateTest, AnAssignmentWithoutPayloadIsNotStarted) {
  v1::SyncResponse response = Answer();
  Assign(response, "r", 1, /*payload=*/false);
  EXPECT_TRUE(Exchange(response).start.empty());
  EXPECT_EQ(state_.running_count(), 0);
}

TEST_F(SyncStateTest, AnswersOutOfOrderAreIgnored) {
  const int64_t first = state_.MakeRequest(absl::ZeroDuration()).seq();
  const int64_t second = state_.MakeRequest(absl::ZeroDuration()).seq();
  v1::SyncResponse with_run = Answer();
  Assign(with_run, "r", 1);
  EXPECT_TRUE(state_.Accept(second, Answer()).accepted);
  const SyncState::Actions late = state_.Accept(first, with_run);
  EXPECT_FALSE(late.accepted);
  EXPECT_TRUE(late.start.empty());
  EXPECT_FALSE(state_.Accept(second, with_run).accepted) << "the same answer twice";
}

TEST_F(SyncStateTest, ALowerTermIsIgnoredAndTheGreatestReported) {
  EXPECT_TRUE(Exchange(Answer(/*term=*/7)).accepted);
  v1::SyncResponse old = Answer(/*term=*/6);
  Assign(old, "r", 1);
  const SyncState::Actions actions = Exchange(old);
  EXPECT_FALSE(actions.accepted);
  EXPECT_TRUE(actions.lower_term);
  EXPECT_EQ(state_.running_count(), 0);
  EXPECT_EQ(state_.MakeRequest(absl::ZeroDuration()).term(), 7);
}

TEST_F(SyncStateTest, AnOutcomeIsRepeatedUntilAnAnswerToACallThatCarriedIt) {
  const std::shared_ptr<AgentRun> run = StartRun();
  const v1::SyncRequest before = state_.MakeRequest(absl::ZeroDuration());
  EXPECT_FALSE(before.runs(0).has_outcome());
  state_.Finish(*run, Success());
  // The answer to the call before does not list the run for some other reason: no acknowledgement.
  EXPECT_TRUE(state_.Accept(before.seq(), Answer()).accepted);
  EXPECT_EQ(state_.runs().size(), 1);
  const v1::SyncRequest lost = state_.MakeRequest(absl::ZeroDuration());
  EXPECT_TRUE(lost.runs(0).has_outcome());
  // Its reply is lost; the next call carries the outcome again, and the answer still lists the run.
  v1::SyncResponse still = Answer();
  Assign(still, "r", 1, /*payload=*/false);
  EXPECT_FALSE(Exchange(still).changed);
  EXPECT_EQ(state_.runs().size(), 1);
  EXPECT_TRUE(Exchange(Answer()).changed);
  EXPECT_TRUE(state_.runs().empty());
}

TEST_F(SyncStateTest, ARunThatIsNoLongerListedIsStoppedAndReportedUntilItEnded) {
  const std::shared_ptr<AgentRun> run = StartRun();
  SyncState::Actions actions = Exchange(Answer());
  ASSERT_EQ(actions.cancel.size(), 1);
  EXPECT_EQ(actions.cancel[0], run);
  run->stop.request_stop();
  EXPECT_TRUE(Exchange(Answer()).cancel.empty()) << "told once";
  EXPECT_EQ(state_.MakeRequest(absl::ZeroDuration()).runs_size(), 1);
  v1::Outcome cancelled;
  cancelled.set_kind(v1::Outcome::KIND_CANCELLED);
  state_.Finish(*run, cancelled);
  Exchange(Answer());
  EXPECT_TRUE(state_.runs().empty());
}

TEST_F(SyncStateTest, ARunThatTheCallDidNotReportIsNotStopped) {
  const v1::SyncRequest first = state_.MakeRequest(absl::ZeroDuration());
  const v1::SyncRequest second = state_.MakeRequest(absl::ZeroDuration());
  v1::SyncResponse with_run = Answer();
  Assign(with_run, "r", 1);
  EXPECT_EQ(state_.Accept(first.seq(), with_run).start.size(), 1);
  EXPECT_TRUE(state_.Accept(second.seq(), Answer()).cancel.empty());
  EXPECT_EQ(state_.running_count(), 1);
}

TEST_F(SyncStateTest, ANewAttemptAtARunReplacesTheOldOne) {
  const std::shared_ptr<AgentRun> old = StartRun();
  v1::SyncResponse response = Answer();
  Assign(response, "r", 2);
  const SyncState::Actions actions = Exchange(response);
  ASSERT_EQ(actions.start.size(), 1);
  EXPECT_EQ(actions.start[0]->key.counter, 2);
  ASSERT_EQ(actions.cancel.size(), 1);
  EXPECT_EQ(actions.cancel[0], old);
}

TEST_F(SyncStateTest, WhileDrainingNothingStarts) {
  state_.Drain();
  const v1::SyncRequest request = state_.MakeRequest(absl::ZeroDuration());
  EXPECT_TRUE(request.draining());
  EXPECT_EQ(request.free_slots(), 0);
  EXPECT_FALSE(state_.drain_known());
  v1::SyncResponse response = Answer();
  Assign(response, "r", 1);
  EXPECT_TRUE(state_.Accept(request.seq(), response).start.empty());
  EXPECT_TRUE(state_.drain_known());
  EXPECT_EQ(state_.MakeRequest(absl::ZeroDuration()).runs(0).outcome().kind(),
            v1::Outcome::KIND_HANDED_BACK);
}

TEST_F(SyncStateTest, ParentsAndResultsOfBuildsAreWarm) {
  const std::shared_ptr<AgentRun> run = StartRun();
  state_.Finish(*run, Success());
  const v1::SyncRequest request = state_.MakeRequest(absl::ZeroDuration());
  ASSERT_EQ(request.warm_digests_size(), 1);
  EXPECT_EQ(request.warm_digests(0), "sha256:aa");
}

TEST_F(SyncStateTest, LogsAreSentFromWhereTheyAreAskedFor) {
  const std::shared_ptr<AgentRun> run = StartRun();
  v1::SyncResponse response = Answer();
  Assign(response, "r", 1, /*payload=*/false);
  v1::LogRequest* const log = response.add_log_requests();
  log->set_run_id("r");
  log->set_offset(42);
  EXPECT_TRUE(Exchange(response).changed);
  EXPECT_TRUE(run->log_wanted);
  EXPECT_EQ(run->log_offset, 42);
  run->log_offset = 50;
  Exchange(response);
  EXPECT_EQ(run->log_offset, 50) << "already under way";
  response.clear_log_requests();
  Exchange(response);
  EXPECT_FALSE(run->log_wanted);
}

}  // namespace
}  // namespace stevedore::worker
