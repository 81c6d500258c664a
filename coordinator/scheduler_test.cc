#include "coordinator/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::SchedulerBench;
using testing::SubmissionOf;

SchedulerOptions NoTrust() {
  SchedulerOptions options;
  options.trust_results = absl::ZeroDuration();
  return options;
}

TEST(SchedulerTest, AParentTriggersItsChildren) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "base; app: base; web: app base");
  EXPECT_EQ(bench.Call("w"), "base");
  EXPECT_EQ(bench.Show(build), "app=waiting base=running web=waiting");
  bench.Succeed("w", "base");
  EXPECT_EQ(bench.Call("w"), "app");
  bench.Succeed("w", "app");
  EXPECT_EQ(bench.Call("w"), "web");
  bench.Succeed("w", "web");
  EXPECT_EQ(bench.Show(build), "app=succeeded base=succeeded web=succeeded");
  EXPECT_EQ(bench.State(build), "succeeded");
}

TEST(SchedulerTest, AChildGetsThePlatformManifestsOfAllItsParents) {
  SchedulerBench bench;
  Submission submission = SubmissionOf("r1", "a; b; c: a b outside");
  v1::ExternalImage* outside = submission.header.add_external_images();
  outside->set_id("outside");
  outside->set_reference("docker.io/library/outside:1");
  (*outside->mutable_manifests())["linux/amd64"] = "sha256:out";
  bench.Submit(submission);
  EXPECT_EQ(bench.Call("w"), "a b");
  bench.Succeed("w", "a", "sha256:aaaa");
  EXPECT_EQ(bench.Call("w"), "b");
  bench.Succeed("w", "b", "sha256:bbbb");
  EXPECT_EQ(bench.Call("w"), "c");
  const v1::BuildRun& run = bench.Work("w").begin()->second.build();
  ASSERT_EQ(run.parents_size(), 3);
  EXPECT_EQ(run.parents(0).digest(), "sha256:aaaa");
  EXPECT_EQ(run.parents(0).reference(), "r/a:1");
  EXPECT_EQ(run.parents(1).digest(), "sha256:bbbb");
  EXPECT_EQ(run.parents(2).digest(), "sha256:out");
  EXPECT_EQ(run.parents(2).reference(), "docker.io/library/outside:1");
  EXPECT_EQ(run.artifact_repository(), "r/artifacts");
}

TEST(SchedulerTest, FanOutOf250OnOneCompletion) {
  SchedulerBench bench;
  std::string graph = "base";
  for (int i = 0; i < 250; ++i) absl::StrAppend(&graph, "; i", i, ": base");
  const std::string build = bench.Submit("r1", graph);
  bench.Call("w");
  bench.Succeed("w", "base");
  EXPECT_EQ(bench.Work("w").size(), 100);
  bench.Call("w2", 200);
  EXPECT_EQ(bench.Work("w2").size(), 150);
  bench.Drain("w");
  bench.Drain("w2");
  EXPECT_EQ(bench.State(build), "succeeded");
}

TEST(SchedulerTest, TwoParentsFinishAtOnceAndTheChildStartsOnce) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a; b; c: a b");
  bench.Call("w");
  // Both outcomes in one report.
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(100);
  request.set_free_slots(2);
  request.add_platforms("linux/amd64");
  for (const auto& [id, assignment] : bench.Work("w")) {
    v1::RunReport* report = request.add_runs();
    report->set_run_id(id);
    *report->mutable_attempt() = assignment.attempt();
    report->mutable_outcome()->set_kind(v1::Outcome::KIND_SUCCEEDED);
    report->mutable_outcome()->mutable_result()->set_digest("sha256:" + id);
  }
  ASSERT_OK(bench.scheduler().Report(request, bench.now()));
  bench.scheduler().Assign(bench.now());
  EXPECT_EQ(bench.scheduler().Answer("w").assignments_size(), 1);
  EXPECT_EQ(bench.Show(build), "a=succeeded b=succeeded c=running");
}

TEST(SchedulerTest, AFailureSkipsItsDescendantsOnlyAndNamesTheAncestor) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "base; bad: base; x: bad; y: x; good: base");
  bench.Call("w");
  bench.Succeed("w", "base");
  bench.Call("w");
  bench.Fail("w", "bad");
  EXPECT_EQ(bench.Show(build), "bad=failed base=succeeded good=running x=skipped y=skipped");
  EXPECT_EQ(bench.Task(build, "y").skipped_by(), "bad");
  EXPECT_THAT(bench.Task(build, "y").error(), HasSubstr("bad failed"));
  EXPECT_EQ(bench.State(build), "running");
  bench.Succeed("w", "good");
  EXPECT_EQ(bench.State(build), "failed");
  EXPECT_EQ((*bench.scheduler().Find(build))->failure_class, v1::FAILURE_CLASS_USER);
}

TEST(SchedulerTest, ARecipeIsTriedAgainOnlyWhenAsked) {
  SchedulerBench bench;
  Submission submission = SubmissionOf("r1", "a");
  submission.header.set_retry_failed(1);
  const std::string build = bench.Submit(submission);
  bench.Call("w");
  bench.Fail("w", "a");
  EXPECT_EQ(bench.Show(build), "a=queued");
  bench.Pass(absl::Seconds(2));
  EXPECT_EQ(bench.Call("w"), "a");
  EXPECT_EQ(bench.Task(build, "a").attempt_count(), 2);
  bench.Fail("w", "a");
  EXPECT_EQ(bench.Show(build), "a=failed");
}

TEST(SchedulerTest, InfrastructureFailuresAreTriedThreeTimesElsewhereFirst) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  EXPECT_EQ(bench.Call("w1"), "a");
  bench.Call("w2", 0);
  bench.Fail("w1", "a", v1::FAILURE_CLASS_INFRASTRUCTURE);
  bench.Pass(absl::Seconds(2));
  EXPECT_EQ(bench.Call("w1"), "") << "another worker is there";
  EXPECT_EQ(bench.Call("w2"), "a");
  bench.Fail("w2", "a", v1::FAILURE_CLASS_INFRASTRUCTURE);
  bench.Pass(absl::Seconds(3));
  EXPECT_EQ(bench.Call("w2"), "a") << "all have failed it";
  bench.Fail("w2", "a", v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_EQ(bench.Show(build), "a=failed");
  EXPECT_EQ(bench.Task(build, "a").failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
}

TEST(SchedulerTest, AHandedBackRunBurnsNoAttemptButNotForEver) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  v1::Outcome back;
  back.set_kind(v1::Outcome::KIND_HANDED_BACK);
  back.set_error("no memory");
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(bench.Call("w"), "a");
    EXPECT_EQ(bench.Task(build, "a").attempt_count(), 1);
    bench.End("w", "a", back);
    bench.Pass(absl::Seconds(2), {"w"});
  }
  EXPECT_EQ(bench.Show(build), "a=failed");
  EXPECT_THAT(bench.Task(build, "a").error(), HasSubstr("no memory"));
}

TEST(SchedulerTest, ALostWorkersRunGoesToAnother) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  EXPECT_EQ(bench.Call("w1"), "a");
  bench.Pass(absl::Seconds(19), {"w2"});
  EXPECT_EQ(bench.Show(build), "a=running");
  bench.Pass(absl::Seconds(4), {"w2"});
  EXPECT_EQ(bench.Call("w2"), "a");
  EXPECT_EQ(bench.Task(build, "a").attempt_count(), 2);
  bench.Succeed("w2", "a");
  EXPECT_EQ(bench.State(build), "succeeded");
}

TEST(SchedulerTest, AnOutageOf90SecondsBurnsNoAttempt) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  EXPECT_EQ(bench.Call("w"), "a");
  bench.scheduler().Tick(absl::Seconds(90), bench.now());
  EXPECT_EQ(bench.Call("w"), "a");
  EXPECT_EQ(bench.Task(build, "a").attempt_count(), 1);
}

TEST(SchedulerTest, AKeyThatLosesThreeWorkersIsPoison) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  for (const char* worker : {"w1", "w2", "w3"}) {
    EXPECT_EQ(bench.Call(worker), "a");
    bench.Pass(absl::Seconds(25));
  }
  EXPECT_EQ(bench.Show(build), "a=failed");
  EXPECT_THAT(bench.Task(build, "a").error(), HasSubstr("3 workers were lost"));
  const std::string again = bench.Submit("r2", "a");
  EXPECT_EQ(bench.Show(again), "a=failed") << "fails fast";
}

TEST(SchedulerTest, ALateResultIsKeptIfItIsTheFirst) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a; b: a");
  EXPECT_EQ(bench.Call("w1"), "a");
  bench.Pass(absl::Seconds(25), {"w2"});
  EXPECT_EQ(bench.Call("w2"), "a");
  bench.Succeed("w1", "a", "sha256:first");
  EXPECT_EQ(bench.Task(build, "a").result().digest(), "sha256:first");
  EXPECT_EQ(bench.Call("w2"), "") << "the second attempt is told to stop";
  EXPECT_EQ(bench.Call("w1"), "b");
}

TEST(SchedulerTest, ALateResultAfterTheFirstChangesNothing) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  EXPECT_EQ(bench.Call("w1"), "a");
  bench.Pass(absl::Seconds(25), {"w2"});
  EXPECT_EQ(bench.Call("w2"), "a");
  bench.Succeed("w2", "a", "sha256:published");
  bench.Succeed("w1", "a", "sha256:late");
  EXPECT_EQ(bench.Task(build, "a").result().digest(), "sha256:published");
  const std::string again = bench.Submit("r2", "a");
  EXPECT_EQ(bench.Task(again, "a").result().digest(), "sha256:published");
}

TEST(SchedulerTest, AReusedParentTriggersChildrenLikeABuiltOne) {
  SchedulerBench bench;
  bench.Submit("r1", "a");
  bench.Drain();
  const std::string build = bench.Submit("r2", "a; b: a");
  EXPECT_EQ(bench.Show(build), "a=reused b=queued");
}

TEST(SchedulerTest, NothingRunsWhenAllIsKnownAndTrusted) {
  SchedulerBench bench;
  bench.Submit("r1", "a; b: a; c: a b");
  bench.Drain();
  const std::string build = bench.Submit("r2", "a; b: a; c: a b");
  EXPECT_EQ(bench.Show(build), "a=reused b=reused c=reused");
  EXPECT_EQ(bench.State(build), "succeeded");
}

TEST(SchedulerTest, AKnownResultThatIsNotTrustedIsCheckedByAWorker) {
  SchedulerBench bench(NoTrust());
  bench.Submit("r1", "a; b: a");
  bench.Drain();
  const std::string build = bench.Submit("r2", "a; b: a");
  EXPECT_EQ(bench.Call("w"), "a");
  EXPECT_NE(bench.Work("w").begin()->second.build().known_result().digest(), "");
  bench.Reuse("w", "a");
  EXPECT_EQ(bench.Show(build), "a=reused b=running");
  bench.Succeed("w", "b", "sha256:anew");  // It had vanished from the registry.
  EXPECT_EQ(bench.Task(build, "b").result().digest(), "sha256:anew");
}

TEST(SchedulerTest, AParentBuiltAgainWithTheSameDigestCutsOffItsChildren) {
  SchedulerBench bench;
  Submission first = SubmissionOf("r1", "a; b: a");
  bench.Submit(first);
  bench.Call("w");
  bench.Succeed("w", "a", "sha256:same");
  bench.Call("w");
  bench.Succeed("w", "b");
  Submission second = SubmissionOf("r2", "a; b: a");
  (*second.images[0].mutable_arguments())["COMMENT"] = "changes no byte";
  const std::string build = bench.Submit(second);
  EXPECT_EQ(bench.Call("w"), "a");
  EXPECT_THAT(bench.Task(build, "a").causes(), ElementsAre("arg COMMENT (added)"));
  bench.Succeed("w", "a", "sha256:same");
  EXPECT_EQ(bench.Show(build), "a=succeeded b=reused");
}

TEST(SchedulerTest, CausesNameTheChangedInputs) {
  SchedulerBench bench;
  Submission submission = SubmissionOf("r1", "a; b: a");
  v1::BuildContext* context = submission.images[0].add_contexts();
  context->set_path("services/web");
  context->set_tree_digest("sha256:01");
  const std::string first = bench.Submit(submission);
  EXPECT_THAT(bench.Task(first, "a").causes(), ElementsAre("new"));
  bench.Drain();
  submission.header.set_request_id("r2");
  context = submission.images[0].mutable_contexts(0);
  context->set_tree_digest("sha256:02");
  context->add_changed_files("index.html");
  const std::string build = bench.Submit(submission);
  EXPECT_THAT(bench.Task(build, "a").causes(), ElementsAre("context services/web: index.html"));
  bench.Call("w");
  bench.Succeed("w", "a");
  EXPECT_THAT(bench.Task(build, "b").causes(), ElementsAre(HasSubstr("parent a sha256:")));
}

TEST(SchedulerTest, TwoBuildsShareARunAndItsFirstOwnerIsCancelledBeforeATakeOver) {
  SchedulerBench bench;
  const std::string first = bench.Submit("r1", "a; b: a");
  EXPECT_EQ(bench.Call("w"), "a");
  const std::string second = bench.Submit("r2", "a; c: a");
  EXPECT_EQ(bench.Show(second), "a=running c=waiting");
  ASSERT_OK(bench.scheduler().Cancel(first, "", bench.now()));
  EXPECT_EQ(bench.State(first), "cancelled");
  bench.TakeOver();
  EXPECT_EQ(bench.Show(second), "a=running c=waiting");
  EXPECT_EQ(bench.Call("w"), "a") << "adopted";
  EXPECT_EQ(bench.Task(second, "a").attempt_count(), 1);
  bench.Succeed("w", "a");
  EXPECT_EQ(bench.Show(second), "a=succeeded c=running");
}

TEST(SchedulerTest, NoCacheNeitherReusesNorAttaches) {
  SchedulerBench bench;
  bench.Submit("r1", "a");
  bench.Drain();
  Submission submission = SubmissionOf("r2", "a");
  submission.header.set_no_cache(true);
  const std::string build = bench.Submit(submission);
  EXPECT_EQ(bench.Call("w"), "a");
  const std::string other = bench.Submit("r3", "a");
  EXPECT_EQ(bench.Show(other), "a=reused");
  bench.Succeed("w", "a", "sha256:anew");
  EXPECT_THAT(bench.Task(build, "a").causes(), ElementsAre("no-cache"));
  const std::string last = bench.Submit("r4", "a");
  EXPECT_EQ(bench.Task(last, "a").result().digest(), "sha256:anew");
}

TEST(SchedulerTest, CancelStopsWhatRunsBeforeTheBuildIsCancelled) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a; b: a; c");
  EXPECT_EQ(bench.Call("w", 1), "a");
  ASSERT_OK(bench.scheduler().Cancel(build, "not needed", bench.now()));
  EXPECT_EQ(bench.State(build), "cancelling");
  EXPECT_EQ(bench.Show(build), "a=running b=cancelled c=cancelled");
  EXPECT_EQ(bench.Call("w", 1), "") << "told to stop";
  bench.Call("w", 1);
  EXPECT_EQ(bench.State(build), "cancelled");
  EXPECT_TRUE(bench.registry.empty());
}

TEST(SchedulerTest, ABuildThatNobodyWatchesIsCancelled) {
  SchedulerBench bench;
  Submission submission = SubmissionOf("r1", "a");
  submission.header.set_detach(false);
  const std::string build = bench.Submit(submission);
  bench.Pass(absl::Seconds(50));
  bench.scheduler().Watched(build);
  bench.Pass(absl::Seconds(50));
  EXPECT_EQ(bench.State(build), "running");
  bench.Pass(absl::Seconds(20));
  EXPECT_EQ(bench.State(build), "cancelled");
  EXPECT_THAT((*bench.scheduler().Find(build))->error, HasSubstr("nobody watches"));
}

TEST(SchedulerTest, TheSameRequestIsTheSameBuild) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a");
  EXPECT_EQ(bench.Submit("r1", "a"), build);
  EXPECT_EQ(bench.scheduler().Builds().size(), 1);
}

TEST(SchedulerTest, LongestRemainingDurationFirst) {
  SchedulerBench bench;
  bench.Submit("r1", "short; long; leaf: long");
  EXPECT_EQ(bench.Call("w", 1), "long") << "it has a descendant";
}

TEST(SchedulerTest, ASecondBuildGetsASlotBeforeTheFirstGetsMore) {
  SchedulerBench bench;
  bench.Submit("r1", "a; b; c; d");
  EXPECT_EQ(bench.Call("w1", 2), "a b");
  bench.Submit("r2", "x; y");
  EXPECT_EQ(bench.Call("w2", 2), "x y");
  EXPECT_EQ(bench.Call("w3", 1), "c") << "equal shares: the oldest";
}

TEST(SchedulerTest, PriorityIsAShareOfSlots) {
  SchedulerBench bench;
  bench.Submit("r1", "a1; a2; a3; a4; a5; a6; a7; a8");
  Submission urgent = SubmissionOf("r2", "b1; b2; b3; b4; b5; b6; b7; b8");
  urgent.header.set_priority(10);
  bench.Submit(urgent);
  EXPECT_EQ(bench.Call("w", 9), "a1 a2 a3 b1 b2 b3 b4 b5 b6");
}

TEST(SchedulerTest, WorkersGetTheirPlatformsOnly) {
  SchedulerBench bench;
  const std::string build = bench.Submit("r1", "a @linux/amd64,linux/arm64");
  EXPECT_EQ(bench.Call("w"), "a");
  EXPECT_EQ(bench.Show(build), "a (linux/amd64)=running a (linux/arm64)=queued");
  bench.Pass(absl::Seconds(32), {"w"});
  const Build& state = **bench.scheduler().Find(build);
  EXPECT_EQ(state.tasks[1].phase, "no worker builds for linux/arm64");
  bench.Pass(absl::Minutes(16), {"w"});
  EXPECT_THAT(state.tasks[1].error, HasSubstr("no worker builds for linux/arm64"));
}

TEST(SchedulerTest, AnOldSeqChangesNothing) {
  SchedulerBench bench;
  bench.Call("w");
  bench.Call("w");
  v1::SyncRequest request;
  request.set_worker_id("w");
  request.set_seq(1);
  EXPECT_THAT(bench.scheduler().Report(request, bench.now()), StatusIs(absl::StatusCode::kAborted));
}

TEST(SchedulerTest, WatchersSeeEveryChangeOnceAndTheEnd) {
  SchedulerBench bench;
  const std::string id = bench.Submit("r1", "a; b: a");
  v1::WatchBuildResponse all;
  bool last = true;
  ASSERT_TRUE(bench.scheduler().NextChanges(**bench.scheduler().Find(id), "", &all, &last));
  EXPECT_EQ(all.tasks_size(), 2);
  EXPECT_FALSE(last);
  v1::WatchBuildResponse none;
  EXPECT_FALSE(
      bench.scheduler().NextChanges(**bench.scheduler().Find(id), all.resume_id(), &none, &last));
  bench.Call("w");
  v1::WatchBuildResponse change;
  ASSERT_TRUE(
      bench.scheduler().NextChanges(**bench.scheduler().Find(id), all.resume_id(), &change, &last));
  ASSERT_EQ(change.tasks_size(), 1);
  EXPECT_EQ(change.tasks(0).image_id(), "a");
  bench.Drain();
  v1::WatchBuildResponse end;
  ASSERT_TRUE(
      bench.scheduler().NextChanges(**bench.scheduler().Find(id), change.resume_id(), &end, &last));
  EXPECT_TRUE(last);
  EXPECT_EQ(end.build().state(), v1::BUILD_STATE_SUCCEEDED);
  bench.TakeOver();
  v1::WatchBuildResponse after;
  ASSERT_TRUE(bench.scheduler().NextChanges(**bench.scheduler().Find(id), change.resume_id(),
                                            &after, &last));
  EXPECT_EQ(after.tasks_size(), 2) << "another term: everything";
  EXPECT_TRUE(last);
}

TEST(SchedulerTest, PlanSaysWhatWouldRun) {
  SchedulerBench bench;
  bench.Submit("r1", "a; b: a; c: b; d");
  bench.Drain();
  Submission changed = SubmissionOf("r2", "a; b: a; c: b; d; e");
  (*changed.images[0].mutable_arguments())["X"] = "1";
  auto build = Build::Create(changed, 100);
  ASSERT_OK(build);
  using Task = v1::PlanBuildResponse::Task;
  std::map<std::string, Task::Action> actions;
  const v1::PlanBuildResponse plan = bench.scheduler().Plan(**build, bench.now());
  for (const Task& task : plan.tasks()) {
    actions[task.image_id()] = task.action();
  }
  EXPECT_EQ(actions["a"], Task::ACTION_BUILD);
  EXPECT_EQ(actions["b"], Task::ACTION_BUILD_IF_PARENT_CHANGES);
  EXPECT_EQ(actions["c"], Task::ACTION_BUILD_IF_PARENT_CHANGES);
  EXPECT_EQ(actions["d"], Task::ACTION_REUSE);
  EXPECT_EQ(actions["e"], Task::ACTION_BUILD);
  EXPECT_EQ(bench.scheduler().Builds().size(), 1);
}

TEST(SchedulerTest, PlanCountsTasksUntilDurationsAreKnown) {
  SchedulerBench bench;
  auto build = Build::Create(SubmissionOf("r1", "a; b: a; c: a; d: a"), 100);
  ASSERT_OK(build);
  const v1::PlanBuildResponse plan = bench.scheduler().Plan(**build, bench.now());
  EXPECT_FALSE(plan.has_makespan());
  EXPECT_FALSE(plan.has_work());
  EXPECT_FALSE(plan.tasks(0).has_estimate());
  EXPECT_EQ(plan.guessed_count(), 4);
  EXPECT_DOUBLE_EQ(plan.average_parallelism(), 2);  // Four tasks, two in a row.
  EXPECT_EQ(plan.useful_workers(), 2);
}

TEST(SchedulerTest, PlanGuessesWhatWasNeverBuiltBySiblings) {
  SchedulerBench bench;
  bench.Submit("r1", "a; b: a");
  bench.Drain();
  Submission again = SubmissionOf("r2", "a; b: a; c: a");
  again.header.set_no_cache(true);
  auto build = Build::Create(again, 100);
  ASSERT_OK(build);
  const v1::PlanBuildResponse plan = bench.scheduler().Plan(**build, bench.now());
  ASSERT_EQ(plan.tasks_size(), 3);
  EXPECT_EQ(plan.guessed_count(), 1);
  EXPECT_FALSE(plan.tasks(0).estimate_is_guess());
  const auto& b = plan.tasks(1);
  const auto& c = plan.tasks(2);
  ASSERT_EQ(c.image_id(), "c");
  EXPECT_TRUE(c.estimate_is_guess());
  EXPECT_EQ(c.estimate().nanos(), b.estimate().nanos());
  EXPECT_GT(plan.work().seconds() * 1e9 + plan.work().nanos(),
            plan.makespan().seconds() * 1e9 + plan.makespan().nanos());
  EXPECT_EQ(plan.useful_workers(), 1);  // All of it is shorter than starting a worker.
}

TEST(SchedulerTest, RefusesWhatIsTooMuch) {
  SchedulerOptions options;
  options.queue_tasks = 2;
  SchedulerBench bench(options);
  auto build = Build::Create(SubmissionOf("r1", "a; b; c"), 100);
  ASSERT_OK(build);
  EXPECT_THAT(bench.scheduler().Submit(*std::move(build), bench.now()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 is the most")));
}

Submission SealedSubmission() {
  Submission submission = SubmissionOf("request 1", "base; app: base");
  submission.header.set_push_tags(true);
  submission.header.set_sealed_credentials("stevedore-sealed:1:ciphertext");
  return submission;
}

TEST(SchedulerTest, SealedCredentialsGoWithAllRunsOfTheirBuild) {
  SchedulerBench bench;
  const std::string build = bench.Submit(SealedSubmission());
  for (const char* image : {"base", "app", "commit"}) {
    ASSERT_EQ(bench.Call("w"), image);
    const v1::Assignment& assignment = bench.Work("w").begin()->second;
    EXPECT_EQ(assignment.sealed_credentials().request_id(), "request 1");
    EXPECT_EQ(assignment.sealed_credentials().text(), "stevedore-sealed:1:ciphertext");
    bench.Succeed("w", image);
  }
  EXPECT_EQ(bench.State(build), "succeeded");
  EXPECT_EQ((*bench.scheduler().Find(build))->header.sealed_credentials(), "");

  bench.Submit("request 2", "other");
  ASSERT_EQ(bench.Call("w"), "other");
  EXPECT_FALSE(bench.Work("w").begin()->second.has_sealed_credentials());
}

TEST(SchedulerTest, SealedCredentialsOutliveACoordinator) {
  SchedulerBench bench;
  const std::string build = bench.Submit(SealedSubmission());
  bench.TakeOver();
  ASSERT_EQ(bench.Call("w2"), "base");
  EXPECT_EQ(bench.Work("w2").begin()->second.sealed_credentials().text(),
            "stevedore-sealed:1:ciphertext");
  ASSERT_OK(bench.scheduler().Cancel(build, "", bench.now()));
  bench.Call("w2");
  bench.Pass(absl::Seconds(1), {"w2"});
  EXPECT_EQ(bench.State(build), "cancelled");
  EXPECT_EQ((*bench.scheduler().Find(build))->header.sealed_credentials(), "");
}

// Two builds that want the same share one run: the credentials of either may do it.
TEST(SchedulerTest, ASharedRunTakesTheCredentialsOfABuildThatHasSome) {
  SchedulerBench bench;
  bench.Submit("request 2", "base; app: base");
  bench.Submit(SealedSubmission());
  ASSERT_EQ(bench.Call("w"), "base");
  EXPECT_EQ(bench.Work("w").begin()->second.sealed_credentials().request_id(), "request 1");
}

}  // namespace
}  // namespace stevedore::coordinator
