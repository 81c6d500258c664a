// Builds by a coordinator and workers, and what happens when one of them dies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"

namespace stevedore::testing {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

// Three slow images in a row: time to kill something.
constexpr char kSlow[] = R"(images:
  first:
    "1":
      registry: "REGISTRY"
      builder: {driver: sleep, options: {duration: 2s}}
  second:
    "1":
      registry: "REGISTRY"
      parents: {first: ["1"]}
      builder: {driver: sleep, options: {duration: 6s}}
  third:
    "1":
      registry: "REGISTRY"
      parents: {second: ["1"]}
      builder: {driver: sleep, options: {duration: 1s}}
)";

class FleetBuildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    ASSERT_OK_AND_ASSIGN(fleet_, Fleet::Start());
    ASSERT_OK(fleet_->StartWorker("w1"));
    ASSERT_OK(fleet_->StartWorker("w2"));
  }

  std::vector<std::string> Submit(const std::string& image) {
    return {"submit",
            image,
            "--build-on-cascade",
            "--coordinator",
            fleet_->coordinator_address(),
            "--push-after-build",
            "--progress",
            "plain",
            "--metadata-file",
            project_->Scratch("metadata.json")};
  }
  BuildOutcome Outcome() { return project_->Outcome(project_->Scratch("metadata.json")); }
  void WriteSlowImages() {
    std::string text = kSlow;
    for (size_t at; (at = text.find("REGISTRY")) != std::string::npos;) {
      text.replace(at, 8, fleet_->registry());
    }
    project_->Write("images.yaml", text);
  }
  // The name of the worker that runs second:1, once one does.
  std::string AwaitSecond(Process& cli) {
    EXPECT_OK(cli.WaitForOutput("running second:1 on w"));
    const std::string output = cli.output();
    const size_t at = output.find("running second:1 on w");
    return output.substr(at + 20, 2);
  }

  std::unique_ptr<Project> project_;
  std::unique_ptr<Fleet> fleet_;
};

TEST_F(FleetBuildTest, GivesTheDigestsOfAnEmbeddedBuild) {
  project_->WriteGraph(fleet_->registry());
  const ProcessResult embedded = project_->Cli(
      {"build", "base", "--build-on-cascade", "--output", "oci:" + project_->Scratch("out"),
       "--metadata-file", project_->Scratch("embedded.json")});
  ASSERT_EQ(embedded.exit_code, 0) << embedded.err;
  const BuildOutcome local = project_->Outcome(project_->Scratch("embedded.json"));

  const ProcessResult first = project_->Cli(Submit("base"));
  ASSERT_EQ(first.exit_code, 0) << first.err << fleet_->worker("w1").output();
  EXPECT_EQ(Outcome().digests, local.digests);
  EXPECT_THAT(first.err, HasSubstr("sent "));
  for (const auto& [reference, digest] : Outcome().tags) {
    EXPECT_THAT(fleet_->DigestOf(reference), IsOkAndHolds(digest));
  }
  EXPECT_THAT(Outcome().tags,
              Contains(Pair(fleet_->registry() + "/test/web:stable", local.digests.at("web:1.0"))));

  const ProcessResult second = project_->Cli(Submit("base"));
  ASSERT_EQ(second.exit_code, 0) << second.err;
  for (const auto& [image, state] : Outcome().states) EXPECT_EQ(state, "reused") << image;
  EXPECT_EQ(Outcome().digests, local.digests);
  EXPECT_THAT(second.err, Not(HasSubstr("sent ")));

  project_->Write("services/site/page.html", "<h1>new</h1>\n");
  const ProcessResult third = project_->Cli(Submit("base"));
  ASSERT_EQ(third.exit_code, 0) << third.err;
  EXPECT_THAT(Outcome().states,
              AllOf(Contains(Pair("site:1.0", "built")), Contains(Pair("web:1.0", "reused"))));
  EXPECT_THAT(third.err, HasSubstr("sent 1 pack"));
}

TEST_F(FleetBuildTest, WithoutPushNoTagMoves) {
  project_->WriteGraph(fleet_->registry());
  const ProcessResult result =
      project_->Cli({"submit", "lone", "--coordinator", fleet_->coordinator_address(),
                     "--metadata-file", project_->Scratch("metadata.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(fleet_->DigestOf(fleet_->registry() + "/test/lone:1").ok());
  EXPECT_OK(fleet_->DigestOf(
      absl::StrCat(fleet_->registry(), "/test/lone@", Outcome().digests.at("lone:1"))));
}

TEST_F(FleetBuildTest, KilledWorkerIsReplaced) {
  WriteSlowImages();
  const std::unique_ptr<Process> cli = project_->StartCli(Submit("first"));
  const std::string busy = AwaitSecond(*cli);
  fleet_->worker(busy).Kill();
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(100)));
  ASSERT_EQ(exit_code, 0) << cli->output();
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.state, "succeeded");
  EXPECT_EQ(outcome.attempts.at("second:1"), 2);
  EXPECT_EQ(outcome.tags.size(), 3);
  for (const auto& [reference, digest] : outcome.tags) {
    EXPECT_THAT(fleet_->DigestOf(reference), IsOkAndHolds(digest));
  }
}

TEST_F(FleetBuildTest, KilledCoordinatorGoesOn) {
  WriteSlowImages();
  const std::unique_ptr<Process> cli = project_->StartCli(Submit("first"));
  AwaitSecond(*cli);
  fleet_->coordinator().Kill();
  ASSERT_OK(fleet_->StartCoordinator());
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(100)));
  ASSERT_EQ(exit_code, 0) << cli->output() << fleet_->coordinator().output();
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.state, "succeeded");
  // The worker kept what it ran: nothing was begun anew.
  EXPECT_EQ(outcome.attempts.at("second:1"), 1);
  EXPECT_EQ(outcome.tags.size(), 3);
}

TEST_F(FleetBuildTest, ControlCCancelsTheBuild) {
  WriteSlowImages();
  const std::unique_ptr<Process> cli = project_->StartCli(Submit("first"));
  AwaitSecond(*cli);
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(60)));
  EXPECT_EQ(exit_code, 4) << cli->output();
  const ProcessResult builds =
      project_->Cli({"builds", "--coordinator", fleet_->coordinator_address()});
  EXPECT_THAT(builds.out, AllOf(HasSubstr("cancelled"), HasSubstr("tester@")));
  EXPECT_FALSE(fleet_->DigestOf(fleet_->registry() + "/first:1").ok());
}

TEST_F(FleetBuildTest, DetachedBuildsAreWatchedListedAndCancelled) {
  WriteSlowImages();
  const std::string at = fleet_->coordinator_address();
  const ProcessResult submitted =
      project_->Cli({"submit", "first", "--coordinator", at, "--detach"});
  ASSERT_EQ(submitted.exit_code, 0) << submitted.err;
  const std::string id(absl::StripAsciiWhitespace(submitted.out));
  const ProcessResult watched =
      project_->Cli({"watch", id, "--coordinator", at, "--progress", "plain"});
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
  EXPECT_THAT(watched.err, HasSubstr("built first:1"));
  EXPECT_THAT(project_->Cli({"builds", "--coordinator", at}).out,
              AllOf(HasSubstr(id), HasSubstr("succeeded")));
  EXPECT_THAT(project_->Cli({"builds", id, "--coordinator", at}).out, HasSubstr("first:1"));

  const ProcessResult second =
      project_->Cli({"submit", "second", "--no-cache", "--coordinator", at, "--detach"});
  const std::string second_id(absl::StripAsciiWhitespace(second.out));
  EXPECT_EQ(project_->Cli({"cancel", second_id, "--coordinator", at}).exit_code, 0);
  EXPECT_EQ(project_->Cli({"watch", second_id, "--coordinator", at}).exit_code, 4);
  const ProcessResult unknown = project_->Cli({"watch", "no-such-build", "--coordinator", at});
  EXPECT_EQ(unknown.exit_code, 1) << unknown.err;
  EXPECT_THAT(unknown.err, HasSubstr("no-such-build"));
}

}  // namespace
}  // namespace stevedore::testing
