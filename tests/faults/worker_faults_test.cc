// Workers that die, hang, come back, run full, or are asked to leave.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/faults/fault_test.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// One image with a context and a parent: all that a worker does has a request of its own.
constexpr char kAssembled[] = R"(images:
  base:
    "1":
      registry: "REGISTRY"
      builder: {driver: assemble, options: {config: {cmd: [/bin/sh]}}}
  app:
    "1":
      registry: "REGISTRY"
      parents: {base: ["1"]}
      builder:
        driver: assemble
        options:
          context: [{path: files}]
          layers: [{from: ., to: /srv}]
)";

using WorkerFaultsTest = FaultTest;

class KilledAtTest : public FaultTest {
 protected:
  // Builds base and app with one worker, kills it in the middle of the request that `fault` stops,
  // and lets another one finish.
  void KillAt(Fault fault) {
    std::string text = kAssembled;
    for (size_t at; (at = text.find("REGISTRY")) != std::string::npos;) {
      text.replace(at, 8, fleet_->registry());
    }
    project_->Write("images.yaml", text);
    project_->Write("files/page", std::string(100'000, 'x'));
    fleet_->proxy().Add(std::move(fault));
    StartWorkers({"w1"});
    const std::unique_ptr<Process> cli = Submit("base");
    ASSERT_TRUE(Eventually([&] { return fleet_->proxy().pending_count() == 0; }))
        << cli->output() << Voices();
    if (fault.hold_answer) {
      ASSERT_TRUE(Eventually([&] { return fleet_->proxy().held_count() == 1; }));
    }
    fleet_->worker("w1").Kill();
    StartWorkers({"w2"});
    ExpectEnd(*cli, 0);
    outcome_ = Outcome();
    EXPECT_EQ(outcome_.state, "succeeded");
    ExpectPublished(outcome_, 2);
    EXPECT_EQ(TagMoves("app"), 1);
    EXPECT_EQ(TagMoves("base"), 1);
  }

  BuildOutcome outcome_;
};

TEST_F(KilledAtTest, WhileFetchingItsContext) {
  KillAt({.method = "GET", .path = "/test/artifacts/blobs/", .hang = true});
  EXPECT_EQ(outcome_.attempts.at("app:1"), 2);
}

TEST_F(KilledAtTest, WhilePushingABlob) {
  KillAt({.method = "POST", .path = "/v2/app/blobs/uploads/", .hang = true});
  EXPECT_EQ(outcome_.attempts.at("app:1"), 2);
}

TEST_F(KilledAtTest, AfterTheManifestBeforeItsReport) {
  KillAt({.method = "PUT", .path = "/v2/app/manifests/sha256", .hold_answer = true});
  EXPECT_EQ(outcome_.attempts.at("app:1"), 2);
  // The second attempt made the same bytes: both named the same digest.
  EXPECT_EQ(fleet_->proxy().RequestCount("PUT /v2/app/manifests/" + outcome_.digests.at("app:1")),
            2);
}

TEST_F(KilledAtTest, WhileTagsMove) {
  KillAt({.method = "PUT", .path = "/v2/app/manifests/1", .hold_answer = true});
  EXPECT_EQ(outcome_.attempts.at("app:1"), 1);
}

TEST_F(WorkerFaultsTest, StoppedBeyondItsLeaseItComesBackTooLate) {
  WriteSleepers({{"first", "", "2s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  EXPECT_EQ(AwaitRunning(*cli, "first"), "w1");
  fleet_->worker("w1").Suspend();
  StartWorkers({"w2"});
  ExpectEnd(*cli, 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.attempts.at("first:1"), 2);
  ExpectPublished(outcome, 2);

  fleet_->worker("w1").Resume();
  fleet_->worker("w2").Kill();
  // It is told that its run is over, and is as good as any other: it builds what comes next.
  const std::unique_ptr<Process> again = Submit("first", "again", {"--no-cache"});
  ExpectEnd(*again, 0);
  EXPECT_EQ(TagMoves("first"), 1);
  EXPECT_EQ(TagMoves("second"), 1);
  ExpectPublished(outcome, 2);
}

TEST_F(WorkerFaultsTest, StoppedWhileTagsMoveItMovesNoneLater) {
  WriteSleepers({{"first", "", "0s"}, {"second", "first", "0s"}});
  // It hangs before the first tag: between its question what the tag names and the answer.
  fleet_->proxy().Add({.method = "HEAD", .path = "/v2/first/manifests/1", .hold_answer = true});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  ASSERT_TRUE(Eventually([&] { return fleet_->proxy().held_count() == 1; })) << Voices();
  fleet_->worker("w1").Suspend();
  fleet_->proxy().Release();
  StartWorkers({"w2"});
  ExpectEnd(*cli, 0);
  fleet_->worker("w1").Resume();
  fleet_->worker("w2").Kill();
  const std::unique_ptr<Process> again = Submit("first", "again", {"--no-cache"});
  ExpectEnd(*again, 0);
  EXPECT_EQ(TagMoves("first"), 1);
  EXPECT_EQ(TagMoves("second"), 1);
  ExpectPublished(Outcome(), 2);
}

TEST_F(WorkerFaultsTest, AKeyThatKillsThreeWorkersIsPoison) {
  WriteSleepers({{"first", "", "300s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  for (const char* name : {"w1", "w2", "w3"}) {
    if (name != std::string("w1")) StartWorkers({name});
    ASSERT_OK(cli->WaitForOutput(absl::StrCat("running first:1 on ", name))) << Voices();
    fleet_->worker(name).Kill();
  }
  ExpectEnd(*cli, 3);
  EXPECT_THAT(cli->output(), AllOf(HasSubstr("3 workers were lost"), HasSubstr("w3")));
  EXPECT_EQ(Outcome().states.at("second:1"), "skipped");
  // Refused at once from now on, without any worker.
  const std::unique_ptr<Process> again = Submit("first", "again");
  ExpectEnd(*again, 3, absl::Seconds(20));
  EXPECT_THAT(again->output(), HasSubstr("3 workers were lost"));
}

TEST_F(WorkerFaultsTest, DrainedItFinishesWhatItHas) {
  WriteSleepers({{"first", "", "3s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  // The CLI may hear of it before the worker does; its first answer brings it.
  ASSERT_OK(fleet_->worker("w1").WaitForOutput("connected to the coordinator"));
  fleet_->worker("w1").Signal(SIGTERM);
  ASSERT_OK(fleet_->worker("w1").WaitForOutput("draining"));
  StartWorkers({"w2"});
  ExpectEnd(*cli, 0);
  EXPECT_THAT(fleet_->worker("w1").Wait(absl::Seconds(30)), base::testing::IsOkAndHolds(0));
  EXPECT_EQ(Outcome().attempts.at("first:1"), 1);
  EXPECT_EQ(Outcome().workers.at("first:1"), "w1");
  EXPECT_EQ(Outcome().workers.at("second:1"), "w2");
}

TEST_F(WorkerFaultsTest, ToldTwiceItHandsBackWithoutBurningAnAttempt) {
  WriteSleepers({{"first", "", "6s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  // The CLI may hear of it before the worker does; its first answer brings it.
  ASSERT_OK(fleet_->worker("w1").WaitForOutput("connected to the coordinator"));
  fleet_->worker("w1").Signal(SIGTERM);
  ASSERT_OK(fleet_->worker("w1").WaitForOutput("draining"));
  fleet_->worker("w1").Signal(SIGTERM);
  EXPECT_THAT(fleet_->worker("w1").Wait(absl::Seconds(30)), base::testing::IsOkAndHolds(0));
  StartWorkers({"w2"});
  ExpectEnd(*cli, 0);
  EXPECT_EQ(Outcome().attempts.at("first:1"), 1) << cli->output() << Voices();
  EXPECT_EQ(Outcome().workers.at("first:1"), "w2");
}

TEST_F(WorkerFaultsTest, WithAFullDiskAnotherOneBuilds) {
  if (!RunningAsRoot()) GTEST_SKIP() << "a small file system can be mounted by root only";
  std::string text = kAssembled;
  for (size_t at; (at = text.find("REGISTRY")) != std::string::npos;) {
    text.replace(at, 8, fleet_->registry());
  }
  project_->Write("images.yaml", text);
  std::string noise;  // What does not compress.
  for (uint64_t state = 1; noise.size() < 4'000'000;) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    noise.push_back(static_cast<char>(state >> 56));
  }
  project_->Write("files/noise", noise);
  const std::string cache = fleet_->CacheOf("w1");
  ASSERT_OK(base::MakeDirectories(cache));
  if (mount("tmpfs", cache.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting is not allowed here";
  }
  const absl::Cleanup unmount = [&] { umount2(cache.c_str(), MNT_DETACH); };
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("base");
  // A try on a full disk is too short to be sure to see it; that there was one is kept.
  ASSERT_OK(cli->WaitForOutput("build ")) << Voices();
  const std::string id = cli->output().substr(cli->output().find("build ") + 6, 12);
  ASSERT_TRUE(Eventually([&] { return AttemptsAt(id, "app:1") > 0; })) << Voices();
  StartWorkers({"w2"});
  ExpectEnd(*cli, 0);
  // The fault of the worker's disk, not of the image.
  EXPECT_GE(Outcome().attempts.at("app:1"), 2) << cli->output() << Voices();
  EXPECT_EQ(Outcome().workers.at("app:1"), "w2");
  ExpectPublished(Outcome(), 2);
}

}  // namespace
}  // namespace stevedore::testing
