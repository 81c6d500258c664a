// --changed-since, plans and platforms as users run them, in a real git tree and on a real fleet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kTwoPlatforms[] = R"(images:
  base:
    "1":
      registry: REGISTRY
      platforms: [linux/amd64, linux/arm64]
      builder: {driver: assemble, options: {context: [{path: rootfs}], layers: [{from: ., to: /}]}}
  app:
    "1":
      registry: REGISTRY
      platforms: [linux/amd64, linux/arm64]
      parents: {base: ["1"]}
      builder: {driver: assemble, options: {context: [{path: app}], layers: [{from: ., to: /app}]}}
)";

class ChangedSinceBuildTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(project_, Project::Create()); }

  void Git(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"git",         "-C", project_->Path("."),       "-c",
                                     "user.name=t", "-c", "user.email=t@example.com"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ASSERT_OK_AND_ASSIGN(const ProcessResult result, Process::Run({.argv = argv}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void CommitGraph() {
    project_->WriteGraph();
    project_->Write(".gitignore", ".stevedore/\n");
    Git({"init", "-q"});
    Git({"add", "-A"});
    Git({"commit", "-q", "-m", "one"});
  }
  void WriteTwoPlatforms(const std::string& registry) {
    std::string text = kTwoPlatforms;
    for (size_t at; (at = text.find("REGISTRY")) != std::string::npos;) {
      text.replace(at, 8, absl::StrCat("\"", registry, "\""));
    }
    project_->Write("images.yaml", text);
    project_->Write("rootfs/etc/motd", "hi\n");
    project_->Write("app/run", "run\n");
  }
  std::string Out() const { return "oci:" + project_->Scratch("out"); }
  // The platforms of the index that skopeo finds under a reference.
  static std::vector<std::string> PlatformsOf(const std::string& place) {
    const auto result =
        Process::Run({.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false", place}});
    EXPECT_OK(result);
    EXPECT_EQ(result->exit_code, 0) << result->err;
    std::vector<std::string> platforms;
    const auto index = nlohmann::json::parse(result->out, nullptr, false);
    for (const auto& manifest : index.value("manifests", nlohmann::json::array())) {
      platforms.push_back(manifest["platform"]["architecture"].get<std::string>());
    }
    return platforms;
  }
  // Who built each "image platform", by what the build left behind.
  static std::map<std::string, std::string> WorkersOf(const std::string& metadata_file) {
    const absl::StatusOr<std::string> text = base::ReadFile(metadata_file);
    EXPECT_OK(text);
    std::map<std::string, std::string> workers;
    const auto build = nlohmann::json::parse(text.value_or(""), nullptr, false);
    EXPECT_TRUE(build.is_object());
    if (!build.is_object()) return workers;
    for (const auto& task : build["tasks"]) {
      workers[absl::StrCat(task.value("image", ""), " ", task.value("platform", ""))] =
          task.value("worker", "");
    }
    return workers;
  }

  std::unique_ptr<Project> project_;
};

TEST_F(ChangedSinceBuildTest, BuildsWhatChangedAndNothingElse) {
  CommitGraph();
  ProcessResult result = project_->Cli({"build", "--changed-since", "HEAD", "--output", Out()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("nothing changed since HEAD"));

  result = project_->Cli({"build", "base", "lone", "--build-on-cascade", "--output", Out()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  project_->Write("services/web/public/new.html", "new\n");
  const std::string metadata = project_->Scratch("metadata.json");
  result = project_->Cli({"build", "--changed-since", "HEAD", "--output", Out(), "--progress",
                          "plain", "--metadata-file", metadata});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("changed since HEAD: 2 of 5 images"),
                                HasSubstr("web:1.0: its context services/web changed"),
                                HasSubstr("site:1.0: builds on web:1.0, which changed")));
  EXPECT_EQ(project_->Outcome(metadata).states.size(), 2);
}

TEST_F(ChangedSinceBuildTest, PlansTellWhatIsSkippedInEveryForm) {
  CommitGraph();
  project_->Write("libs/libc.so", "other");
  Git({"commit", "-q", "-a", "-m", "two"});
  const std::vector<std::string> plan = {"plan", "--changed-since", "HEAD~1", "--output", Out()};
  ProcessResult result = project_->Cli(plan);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("lib:1"), HasSubstr("skip"), HasSubstr("unchanged since HEAD~1")));
  std::vector<std::string> json = plan;
  json.insert(json.end(), {"--output", "json"});
  result = project_->Cli(json);
  const auto parsed = nlohmann::json::parse(result.out);
  EXPECT_EQ(parsed["changed_since"], "HEAD~1");
  EXPECT_EQ(parsed["tasks"][0]["image"], "base:1");  // Found nowhere: built along.
  EXPECT_GT(parsed["useful_workers"], 0);
  std::vector<std::string> graph = plan;
  graph.insert(graph.end(), {"--graph", "dot"});
  EXPECT_THAT(project_->Cli(graph).out, HasSubstr("\"base:1\" -> \"lib:1\""));
}

TEST_F(ChangedSinceBuildTest, WrongRefsAreUsageErrors) {
  CommitGraph();
  ProcessResult result = project_->Cli({"plan", "--changed-since", "nowhere"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("nowhere"), HasSubstr("no such commit")));
  result = project_->Cli({"plan"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no image is named"));
}

TEST_F(ChangedSinceBuildTest, DryRunsShowAllThatWouldBeUsed) {
  project_->WriteGraph();
  const ProcessResult result =
      project_->Cli({"build", "web", "--dry-run", "--output", "json", "--output", Out(), "-x",
                     "A=1", "--label", "l=m", "--tag", "extra", "--push-after-build=false"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto images = nlohmann::json::parse(result.out)["images"];
  ASSERT_EQ(images.size(), 2);  // The base is found nowhere: it is built along.
  EXPECT_EQ(images[1]["arguments"]["A"], "1");
  EXPECT_EQ(images[1]["labels"]["l"], "m");
  EXPECT_THAT(images[1]["tags"].dump(), HasSubstr("test/web:extra"));
  EXPECT_EQ(images[1]["push"], false);
}

TEST_F(ChangedSinceBuildTest, EmbeddedBuildsMakeAnIndexOfSeveralPlatforms) {
  WriteTwoPlatforms("registry.test");
  ProcessResult result = project_->Cli({"build", "base", "--build-on-cascade", "--output", Out()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(PlatformsOf(absl::StrCat(Out(), ":registry.test/app:1")),
              ::testing::UnorderedElementsAre("amd64", "arm64"));
  // One platform only, when asked for.
  result = project_->Cli({"plan", "base", "--build-on-cascade", "--output", Out(), "--output",
                          "json", "--platform", "linux/arm64"});
  const auto tasks = nlohmann::json::parse(result.out)["tasks"];
  ASSERT_EQ(tasks.size(), 2);
  EXPECT_EQ(tasks[0]["platform"], "linux/arm64");
  result = project_->Cli({"build", "app", "--platform", "linux/riscv64", "--output", Out()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("linux/riscv64"), HasSubstr("linux/amd64, linux/arm64")));
}

TEST_F(ChangedSinceBuildTest, FleetsBuildEachPlatformWhereItRuns) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start());
  ASSERT_OK(fleet->StartWorker("amd", {"--platform", "linux/amd64"}));
  ASSERT_OK(fleet->StartWorker("arm", {"--platform", "linux/arm64"}));
  WriteTwoPlatforms(fleet->registry());
  const std::string metadata = project_->Scratch("metadata.json");
  const ProcessResult result = project_->Cli(
      {"submit", "base", "--build-on-cascade", "--coordinator", fleet->coordinator_address(),
       "--push-after-build", "--progress", "plain", "--metadata-file", metadata});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(WorkersOf(metadata),
              ::testing::UnorderedElementsAre(
                  Pair("base:1 linux/amd64", "amd"), Pair("base:1 linux/arm64", "arm"),
                  Pair("app:1 linux/amd64", "amd"), Pair("app:1 linux/arm64", "arm")));
  EXPECT_THAT(PlatformsOf(absl::StrCat("docker://", fleet->registry(), "/app:1")),
              ::testing::UnorderedElementsAre("amd64", "arm64"));
  // A plan of the same: everything is known.
  const ProcessResult plan = project_->Cli({"plan", "base", "--build-on-cascade", "--coordinator",
                                            fleet->coordinator_address(), "--push-after-build"});
  EXPECT_THAT(plan.out, AllOf(HasSubstr("4 to reuse"), Not(HasSubstr("estimated"))));
}

}  // namespace
}  // namespace stevedore::testing
