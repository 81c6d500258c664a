// Coordinators and Redis that die, hang or forget.

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/testing/status_matchers.h"
#include "tests/faults/fault_test.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

using CoordinatorFaultsTest = FaultTest;
using RedisFaultsTest = FaultTest;

TEST_F(CoordinatorFaultsTest, KilledWhileABuildIsSubmitted) {
  WriteSleepers({{"first", "", "0s"}});
  StartWorkers({"w1"});
  // Nothing is answered that Redis does not hold: the submission hangs.
  fleet_->redis().process().Suspend();
  const std::unique_ptr<Process> cli = Submit("first");
  ASSERT_OK(cli->WaitForOutput("does not answer")) << Voices();
  fleet_->coordinator().Kill();
  fleet_->redis().process().Resume();
  ASSERT_OK(fleet_->StartCoordinator());
  ExpectEnd(*cli, 0);
  EXPECT_EQ(Outcome().attempts.at("first:1"), 1);
  // The same request is the same build, however often it was sent.
  const ProcessResult builds =
      project_->Cli({"builds", "--output", "json", "--coordinator", fleet_->coordinator_address()});
  EXPECT_EQ(std::count(builds.out.begin(), builds.out.end(), '\n'), 1) << builds.out;
}

TEST_F(CoordinatorFaultsTest, KilledInABurstOfCompletions) {
  std::vector<Sleeper> sleepers = {{"first", "", "0s"}};
  for (int i = 0; i < 60; ++i) {
    sleepers.push_back({absl::StrCat("child", i), "first", "0.1s"});
  }
  WriteSleepers(sleepers);
  StartWorkers({"w1", "w2"});
  const std::unique_ptr<Process> cli = Submit("first");
  for (const char* moment : {"built child", "reused child"}) {
    if (moment[0] == 'b') ASSERT_OK(cli->WaitForOutput(moment)) << Voices();
    fleet_->coordinator().Kill();
    ASSERT_OK(fleet_->StartCoordinator());
  }
  ExpectEnd(*cli, 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.states.size(), 61u);
  for (const auto& [image, attempts] : outcome.attempts) EXPECT_LE(attempts, 1) << image;
  EXPECT_EQ(outcome.tags.size(), 61u);
}

TEST_F(CoordinatorFaultsTest, KilledWhileTagsMove) {
  WriteSleepers({{"first", "", "0s"}, {"second", "first", "0s"}});
  fleet_->proxy().Add({.method = "PUT", .path = "/v2/first/manifests/1", .hold_answer = true});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  ASSERT_TRUE(Eventually([&] { return fleet_->proxy().held_count() == 1; })) << Voices();
  fleet_->coordinator().Kill();
  ASSERT_OK(fleet_->StartCoordinator());
  fleet_->proxy().Release();
  ExpectEnd(*cli, 0);
  ExpectPublished(Outcome(), 2);
  EXPECT_EQ(TagMoves("first"), 1);
  EXPECT_EQ(TagMoves("second"), 1);
}

TEST_F(CoordinatorFaultsTest, AwayLongerThanALeaseBurnsNoAttempt) {
  WriteSleepers({{"first", "", "2s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  fleet_->coordinator().Suspend();
  const absl::Time start = absl::Now();
  ASSERT_TRUE(Eventually([&] { return absl::Now() - start > absl::Seconds(6); }));
  fleet_->coordinator().Resume();
  ExpectEnd(*cli, 0);
  EXPECT_EQ(Outcome().attempts.at("first:1"), 1);
  EXPECT_EQ(Outcome().attempts.at("second:1"), 1);
}

TEST_F(RedisFaultsTest, KilledAndStartedAgain) {
  WriteSleepers({{"first", "", "3s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  fleet_->redis().Kill();
  ASSERT_OK(fleet_->coordinator().WaitForOutput("the ledger does not answer"));
  ASSERT_OK(fleet_->redis().Restart());
  ExpectEnd(*cli, 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.attempts.at("first:1"), 1);
  ExpectPublished(outcome, 2);
  EXPECT_EQ(TagMoves("first"), 1);
}

TEST_F(RedisFaultsTest, FrozenBeyondALeaseExpiresNothing) {
  WriteSleepers({{"first", "", "2s"}, {"second", "first", "0s"}});
  StartWorkers({"w1", "w2"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  fleet_->redis().process().Suspend();
  const absl::Time start = absl::Now();
  ASSERT_TRUE(Eventually([&] { return absl::Now() - start > absl::Seconds(10); }));
  fleet_->redis().process().Resume();
  ExpectEnd(*cli, 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.attempts.at("first:1"), 1) << cli->output() << Voices();
  EXPECT_EQ(outcome.attempts.at("second:1"), 1);
  EXPECT_THAT(fleet_->coordinator().output(), ::testing::Not(HasSubstr("stepping down")));
}

TEST_F(RedisFaultsTest, FlushedItIsWrittenAgain) {
  WriteSleepers({{"first", "", "4s"}, {"second", "first", "2s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  ASSERT_OK(fleet_->redis().Cli({"FLUSHALL"}));
  ASSERT_OK(fleet_->coordinator().WaitForOutput("writing live builds again"));
  // What was written again is as good as the first: a successor takes it up.
  AwaitRunning(*cli, "second");
  fleet_->coordinator().Kill();
  ASSERT_OK(fleet_->StartCoordinator());
  ExpectEnd(*cli, 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.attempts.at("first:1"), 1);
  EXPECT_EQ(outcome.attempts.at("second:1"), 1);
  ExpectPublished(outcome, 2);
}

}  // namespace
}  // namespace stevedore::testing
