#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "coordinator/scheduler.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::SchedulerBench;
using testing::SubmissionOf;

Submission Pushing(const std::string& request_id, const std::string& graph) {
  Submission submission = SubmissionOf(request_id, graph);
  submission.header.set_push_tags(true);
  return submission;
}

const Build& BuildOf(SchedulerBench& bench, const std::string& id) {
  return **bench.scheduler().Find(id);
}

TEST(CommitTest, TagsMoveWhenTheWholeBuildIsDone) {
  SchedulerBench bench;
  Submission submission = Pushing("r1", "a; b: a");
  submission.images[0].add_tags("r/a:latest");
  const std::string build = bench.Submit(submission);
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:a");
  EXPECT_TRUE(bench.registry.empty());
  bench.Call("w");
  bench.Succeed("w", "b", "sha256:b");
  EXPECT_EQ(bench.State(build), "committing");
  EXPECT_EQ(bench.Call("w"), "commit");
  bench.Succeed("w", "commit");
  EXPECT_EQ(bench.State(build), "succeeded");
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:a");
  EXPECT_EQ(bench.registry["r/a:latest"], "sha256:a");
  EXPECT_EQ(bench.registry["r/b:1"], "sha256:b");
  EXPECT_EQ(BuildOf(bench, build).tags.size(), 3);
}

TEST(CommitTest, AFailedBuildMovesNothing) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a; b"));
  bench.Call("w");
  bench.Succeed("w", "a");
  bench.Fail("w", "b");
  EXPECT_EQ(bench.State(build), "failed");
  EXPECT_EQ(bench.Call("w"), "");
}

TEST(CommitTest, SeveralPlatformsBecomeAnIndex) {
  SchedulerBench bench;
  bench.platforms = {"linux/amd64", "linux/arm64"};
  bench.Submit(Pushing("r1", "a @linux/amd64,linux/arm64"));
  bench.Call("w");
  bench.Succeed("w", "a");
  bench.Succeed("w", "a");
  ASSERT_EQ(bench.Call("w"), "commit");
  const v1::CommitRun::Move move = bench.Work("w").begin()->second.commit().moves(0);
  EXPECT_EQ(move.digest(), "sha256:" + base::Sha256Hex(move.index()));
  EXPECT_THAT(move.index(), HasSubstr(R"("architecture":"arm64")"));
  EXPECT_EQ(move.media_type(), "application/vnd.oci.image.index.v1+json");
}

TEST(CommitTest, CancelIsTooLateWhenTagsMove) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a"));
  bench.Call("w");
  bench.Succeed("w", "a");
  EXPECT_THAT(bench.scheduler().Cancel(build, "", bench.now()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("tags are moving")));
}

TEST(CommitTest, AnOlderBuildThatCommitsLastIsSuperseded) {
  SchedulerBench bench;
  Submission older = Pushing("r1", "a; slow");
  const std::string first = bench.Submit(older);
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:old");
  Submission newer = Pushing("r2", "a");
  (*newer.images[0].mutable_arguments())["V"] = "2";
  const std::string second = bench.Submit(newer);
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:new");
  bench.Call("w");
  bench.Succeed("w", "commit");
  EXPECT_EQ(bench.State(second), "succeeded");
  bench.Succeed("w", "slow");
  bench.Call("w");
  bench.Succeed("w", "commit");
  EXPECT_EQ(bench.State(first), "succeeded");
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:new");
  EXPECT_TRUE(BuildOf(bench, first).tags[0].superseded());
  EXPECT_THAT(BuildOf(bench, first).tags[0].error(), HasSubstr(second));
}

TEST(CommitTest, OneLiveCommitPerReference) {
  SchedulerBench bench;
  const std::string first = bench.Submit(Pushing("r1", "a"));
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:a");
  EXPECT_EQ(bench.Call("w"), "commit");
  Submission other = Pushing("r2", "a");
  (*other.images[0].mutable_arguments())["V"] = "2";
  const std::string second = bench.Submit(other);
  EXPECT_EQ(bench.Call("w2"), "a");
  bench.Succeed("w2", "a", "sha256:b");
  EXPECT_EQ(bench.Call("w2"), "") << "it waits";
  EXPECT_EQ(bench.State(second), "running");
  bench.Succeed("w", "commit");
  EXPECT_EQ(bench.Call("w"), "commit") << "now it is free";
  bench.Succeed("w", "commit");
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:b");
  EXPECT_EQ(bench.State(first), "succeeded");
  EXPECT_EQ(bench.State(second), "succeeded");
}

TEST(CommitTest, AVanishedManifestIsBuiltAgainOnce) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a; b: a"));
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:a");
  bench.Call("w");
  bench.Succeed("w", "b", "sha256:b");
  bench.Call("w");
  v1::Outcome missing;
  missing.set_kind(v1::Outcome::KIND_FAILED);
  missing.set_failure_class(v1::FAILURE_CLASS_INFRASTRUCTURE);
  missing.set_missing_manifest("sha256:a");
  missing.set_error("MANIFEST_BLOB_UNKNOWN");
  bench.End("w", "commit", missing);
  EXPECT_EQ(bench.Show(build), "a=running b=succeeded");
  EXPECT_EQ(bench.State(build), "running");
  bench.Succeed("w", "a", "sha256:a");
  EXPECT_EQ(bench.Call("w"), "commit");
  bench.End("w", "commit", missing);
  bench.Pass(absl::Seconds(10), {"w"});
  bench.Call("w");
  bench.End("w", "commit", missing);
  bench.Pass(absl::Seconds(10), {"w"});
  bench.Call("w");
  if (!bench.Work("w").empty()) bench.End("w", "commit", missing);
  EXPECT_EQ(bench.State(build), "failed");
  EXPECT_THAT(BuildOf(bench, build).error, HasSubstr("MANIFEST_BLOB_UNKNOWN"));
}

TEST(CommitTest, ARefusedCommitEndsTheBuildAndListsTheTags) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a; b"));
  bench.Call("w");
  bench.Succeed("w", "a");
  bench.Succeed("w", "b");
  bench.Call("w");
  v1::Outcome refused;
  refused.set_kind(v1::Outcome::KIND_FAILED);
  refused.set_failure_class(v1::FAILURE_CLASS_USER);
  refused.set_error("PUT /v2/b/manifests/1: denied");
  v1::TagStatus* tag = refused.add_tags();
  tag->set_reference("r/a:1");
  tag->set_moved(true);
  bench.End("w", "commit", refused);
  EXPECT_EQ(bench.State(build), "failed");
  const Build& state = BuildOf(bench, build);
  EXPECT_THAT(state.error, HasSubstr("moving tags: PUT /v2/b/manifests/1: denied"));
  ASSERT_EQ(state.tags.size(), 2);
  EXPECT_TRUE(state.tags[0].moved());
  EXPECT_EQ(state.tags[1].reference(), "r/b:1");
}

TEST(CommitTest, ALostCommitIsRepeatedByAnotherWorkerAndAfterATakeOver) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a"));
  bench.Call("w1");
  bench.Succeed("w1", "a", "sha256:a");
  EXPECT_EQ(bench.Call("w1"), "commit");
  bench.Pass(absl::Seconds(25), {"w2"});
  bench.TakeOver();
  EXPECT_EQ(bench.State(build), "committing");
  EXPECT_EQ(bench.Call("w2"), "commit");
  bench.Succeed("w2", "commit");
  EXPECT_EQ(bench.State(build), "succeeded");
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:a");
}

TEST(CommitTest, WhatALateWorkerMovedIsMovedBack) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a"));
  bench.Call("w1");
  bench.Succeed("w1", "a", "sha256:old");
  EXPECT_EQ(bench.Call("w1"), "commit");
  bench.Pass(absl::Seconds(30), {"w2"});  // w1 hangs in the middle of it.
  EXPECT_EQ(bench.Call("w2"), "commit");
  bench.Succeed("w2", "commit");
  Submission newer = Pushing("r2", "a");
  (*newer.images[0].mutable_arguments())["V"] = "2";
  bench.Submit(newer);
  bench.Call("w2");
  bench.Succeed("w2", "a", "sha256:new");
  bench.Call("w2");
  bench.Succeed("w2", "commit");
  bench.Succeed("w1", "commit");  // It wakes up.
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:old");
  EXPECT_EQ(bench.Call("w1"), "commit");
  bench.Succeed("w1", "commit");
  EXPECT_EQ(bench.registry["r/a:1"], "sha256:new");
  EXPECT_TRUE(bench.scheduler().runs().empty());
  EXPECT_EQ(bench.State(build), "succeeded");
}

TEST(CommitTest, ManyTagsAreSeveralRuns) {
  SchedulerBench bench;
  Submission submission = Pushing("r1", "a");
  for (int i = 0; i < 2500; ++i) submission.images[0].add_tags(absl::StrCat("r/a:t", i));
  const std::string build = bench.Submit(submission);
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:a");
  EXPECT_EQ(bench.Call("w"), "commit commit commit");
  for (int i = 0; i < 3; ++i) bench.Succeed("w", "commit");
  EXPECT_EQ(bench.State(build), "succeeded");
  EXPECT_EQ(bench.registry.size(), 2501);
}

TEST(CommitTest, ABuildThatEndedBeforeATakeOverIsStillThere) {
  SchedulerBench bench;
  const std::string build = bench.Submit(Pushing("r1", "a; b: a"));
  bench.Drain();
  bench.TakeOver();
  EXPECT_EQ(bench.State(build), "succeeded");
  EXPECT_EQ(bench.Show(build), "a=succeeded b=succeeded");
  EXPECT_EQ(BuildOf(bench, build).tags.size(), 2);
  EXPECT_EQ(bench.Submit(Pushing("r1", "a; b: a")), build);
  EXPECT_EQ(bench.Show(bench.Submit("r2", "a; b: a")), "a=reused b=reused");
}

}  // namespace
}  // namespace stevedore::coordinator
