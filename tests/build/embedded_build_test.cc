// Builds in the process of stevedore-cli, no daemon anywhere.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/testing/status_matchers.h"
#include "tests/build/project.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class EmbeddedBuildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    project_->WriteGraph();
  }

  // Builds everything into the layout `output` and returns what came of it.
  BuildOutcome BuildAll(const std::string& output, int expected_exit_code = 0) {
    const std::string metadata = project_->Scratch("metadata.json");
    const ProcessResult result =
        project_->Cli({"build", "base", "lone", "--build-on-cascade", "--output", "oci:" + output,
                       "--metadata-file", metadata});
    EXPECT_EQ(result.exit_code, expected_exit_code) << result.out << result.err;
    return project_->Outcome(metadata);
  }

  std::unique_ptr<Project> project_;
};

TEST_F(EmbeddedBuildTest, SecondBuildReusesEverything) {
  const BuildOutcome first = BuildAll(project_->Scratch("out"));
  EXPECT_EQ(first.state, "succeeded");
  EXPECT_THAT(first.states,
              UnorderedElementsAre(Pair("base:1", "built"), Pair("lib:1", "built"),
                                   Pair("web:1.0", "built"), Pair("site:1.0", "built"),
                                   Pair("lone:1", "built")));
  EXPECT_THAT(first.tags,
              IsSupersetOf({Pair("registry.test/test/web:1.0", first.digests.at("web:1.0")),
                            Pair("registry.test/test/web:stable", first.digests.at("web:1.0"))}));
  const BuildOutcome second = BuildAll(project_->Scratch("out"));
  EXPECT_EQ(second.digests, first.digests);
  for (const auto& [image, state] : second.states) EXPECT_EQ(state, "reused") << image;
}

TEST_F(EmbeddedBuildTest, OtherFolderGivesTheSameDigests) {
  const BuildOutcome first = BuildAll(project_->Scratch("out"));
  const BuildOutcome second = BuildAll(project_->Scratch("elsewhere"));
  EXPECT_EQ(second.digests, first.digests);
  EXPECT_THAT(second.states, Contains(Pair("web:1.0", "built")));
  const ProcessResult listed =
      *Process::Run({.argv = {"umoci", "ls", "--layout", project_->Scratch("out")}});
  EXPECT_THAT(listed.out, HasSubstr("registry.test/test/site:1.0")) << listed.err;
}

TEST_F(EmbeddedBuildTest, ChangedFileRebuildsWhatStandsOnItAndSaysWhy) {
  const BuildOutcome first = BuildAll(project_->Scratch("out"));
  project_->Write("services/web/public/index.html", "<h1>changed</h1>\n");
  const ProcessResult plan = project_->Cli({"plan", "base", "lone", "--build-on-cascade",
                                            "--output", "oci:" + project_->Scratch("out")});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("context services/web"));
  const BuildOutcome second = BuildAll(project_->Scratch("out"));
  EXPECT_THAT(second.states,
              UnorderedElementsAre(Pair("base:1", "reused"), Pair("lib:1", "reused"),
                                   Pair("web:1.0", "built"), Pair("site:1.0", "built"),
                                   Pair("lone:1", "reused")));
  EXPECT_THAT(second.causes.at("web:1.0"), Contains(HasSubstr("services/web: public/index.html")));
  EXPECT_THAT(second.causes.at("site:1.0"), Contains(HasSubstr("parent web:1.0")));
  EXPECT_NE(second.digests.at("web:1.0"), first.digests.at("web:1.0"));
}

TEST_F(EmbeddedBuildTest, FailureSkipsDescendantsOnly) {
  // `public` is not in the context any more: web fails.
  ASSERT_OK(base::RemoveTree(project_->Path("services/web/public")));
  project_->Write("services/web/other.txt", "x");
  const std::string metadata = project_->Scratch("metadata.json");
  const ProcessResult result =
      project_->Cli({"build", "base", "lone", "--build-on-cascade", "--output",
                     "oci:" + project_->Scratch("out"), "--metadata-file", metadata});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("web:1.0 failed"), HasSubstr("public"),
                                HasSubstr("skipped because of it: site:1.0")));
  const BuildOutcome outcome = project_->Outcome(metadata);
  EXPECT_THAT(outcome.states,
              UnorderedElementsAre(Pair("base:1", "built"), Pair("lib:1", "built"),
                                   Pair("web:1.0", "failed"), Pair("site:1.0", "skipped"),
                                   Pair("lone:1", "built")));
}

TEST_F(EmbeddedBuildTest, ParentsThatAreNowhereAreBuiltAlong) {
  // Nobody listens there, so parents cannot be asked for.
  project_->WriteGraph("127.0.0.1:1");
  const ProcessResult result =
      project_->Cli({"build", "web", "--output", "oci:" + project_->Scratch("out")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("building base:1 along"));
  const ProcessResult refused = project_->Cli(
      {"build", "web", "--build-parents", "never", "--output", "oci:" + project_->Scratch("new")});
  EXPECT_THAT(refused.exit_code, AnyOf(1, 3)) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("base:1"));
}

TEST_F(EmbeddedBuildTest, SourceDateEpochIsTheOnlyClock) {
  const BuildOutcome first = BuildAll(project_->Scratch("out"));
  project_->Write("images.yaml", *base::ReadFile(project_->Path("images.yaml")));  // New mtime.
  project_->Write("rootfs/bin/serve", "#!/bin/sh\n");
  const BuildOutcome second = BuildAll(project_->Scratch("second"));
  EXPECT_EQ(second.digests, first.digests);
}

TEST_F(EmbeddedBuildTest, LogsStayWhenTheProgramHasEnded) {
  project_->WriteGraph();
  const std::string metadata = project_->Scratch("metadata.json");
  ASSERT_EQ(project_
                ->Cli({"build", "lone", "--output", "oci:" + project_->Scratch("out"),
                       "--metadata-file", metadata})
                .exit_code,
            0);
  const std::string id = project_->Outcome(metadata).id;
  const ProcessResult log = project_->Cli({"logs", id, "lone:1"});
  EXPECT_EQ(log.exit_code, 0) << log.err;
  EXPECT_THAT(log.out, HasSubstr("pushed sha256:"));
  const ProcessResult none = project_->Cli({"logs", id, "web:1.0"});
  EXPECT_EQ(none.exit_code, 1) << none.err;
  EXPECT_THAT(none.err, AllOf(HasSubstr("web:1.0"), HasSubstr("lone:1@")));
  EXPECT_EQ(project_->Cli({"logs", "000000000000", "web:1.0"}).exit_code, 1);
}

TEST_F(EmbeddedBuildTest, ControlCEndsWithFourAndLeavesNothing) {
  project_->Write("images.yaml", R"(images:
  slow:
    "1": {registry: registry.test, builder: {driver: sleep, options: {duration: 10m}}}
)");
  const std::unique_ptr<Process> cli = project_->StartCli(
      {"build", "slow", "--output", "oci:" + project_->Scratch("out"), "--progress", "plain"});
  ASSERT_OK(cli->WaitForOutput("running slow:1"));
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(30)));
  EXPECT_EQ(exit_code, 4) << cli->output();
  // The whole process group is gone: nobody can be signalled any more.
  EXPECT_EQ(::kill(-cli->pid(), 0), -1);
}

TEST_F(EmbeddedBuildTest, SecondControlCEndsAtOnce) {
  project_->Write("images.yaml", R"(images:
  slow:
    "1": {registry: registry.test, builder: {driver: sleep, options: {duration: 10m}}}
)");
  const std::unique_ptr<Process> cli = project_->StartCli(
      {"build", "slow", "--output", "oci:" + project_->Scratch("out"), "--progress", "plain"});
  ASSERT_OK(cli->WaitForOutput("running slow:1"));
  cli->Signal(SIGINT);
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(30)));
  EXPECT_EQ(exit_code, 4) << cli->output();
}

TEST_F(EmbeddedBuildTest, ProgressStyles) {
  const std::string output = "oci:" + project_->Scratch("out");
  const ProcessResult json =
      project_->Cli({"build", "lone", "--output", output, "--progress", "json"});
  EXPECT_EQ(json.exit_code, 0);
  EXPECT_THAT(json.out, AllOf(HasSubstr("{\"type\":\"task\",\"image\":\"lone:1\""),
                              HasSubstr("{\"type\":\"build\"")));
  const ProcessResult quiet =
      project_->Cli({"build", "lone", "--output", output, "--progress", "quiet"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_THAT(quiet.out, HasSubstr("registry.test/test/lone:1@sha256:"));
  const ProcessResult plain = project_->Cli({"build", "lone", "--output", output});
  EXPECT_THAT(plain.err, Not(HasSubstr("\x1b")));
}

TEST_F(EmbeddedBuildTest, DryRunBuildsNothing) {
  const ProcessResult result =
      project_->Cli({"build", "base", "--dry-run", "--output", "oci:" + project_->Scratch("out")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("base:1"), HasSubstr("1 to build")));
  EXPECT_FALSE(base::Exists(project_->Scratch("out")));
}

}  // namespace
}  // namespace stevedore::testing
