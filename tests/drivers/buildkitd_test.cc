// Driver `buildkit` against a daemon of its own. Debian has no buildkitd: .ci/interop builds one
// and names it in STEVEDORE_BUILDKITD; without that variable the test is skipped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/drivers/buildkit_project.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class BuildkitdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const program = getenv("STEVEDORE_BUILDKITD");
    if (program == nullptr || *program == '\0') GTEST_SKIP() << "STEVEDORE_BUILDKITD is not set";
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory folder,
                         base::TemporaryDirectory::Create("/tmp/buildkitd."));
    folder_.emplace(std::move(folder));
    const std::string address = absl::StrCat("unix://", folder_->path(), "/s");
    ASSERT_OK_AND_ASSIGN(
        daemon_, Process::Start(
                     {.argv = {program, "--root", base::JoinPath(folder_->path(), "root"), "--addr",
                               address, "--containerd-worker=false", "--oci-worker=true",
                               "--oci-worker-binary=runc", "--oci-worker-net=host"}}));
    ASSERT_OK(daemon_->WaitForOutput("running server on", absl::Seconds(60)));
    setenv("BUILDKIT_HOST", address.c_str(), 1);
    ASSERT_OK_AND_ASSIGN(registry_, Registry::Start({.auth = RegistryOptions::Auth::kBasic}));
    ASSERT_OK_AND_ASSIGN(project_, BuildkitProject::Create());
    project_->WriteFamily();
    project_->SetRegistry(registry_->host());
    project_->files().Login(registry_->host(), "alice", "wonderland");
  }
  void TearDown() override {
    unsetenv("BUILDKIT_HOST");
    if (daemon_ != nullptr) daemon_->Terminate();
  }

  std::optional<base::TemporaryDirectory> folder_;
  std::unique_ptr<Process> daemon_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<BuildkitProject> project_;
};

TEST_F(BuildkitdTest, AFamilyIntoARegistry) {
  const ProcessResult result = project_->ToRegistry({"base"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("| said hello"));
  EXPECT_THAT(project_->Outcome().states,
              AllOf(Contains(Pair("base:1.0", "built")), Contains(Pair("web:2.0", "built")),
                    Contains(Pair("site:3.0", "built"))));
  const ProcessResult again = project_->ToRegistry({"base"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  for (const auto& [image, state] : project_->Outcome().states) EXPECT_EQ(state, "reused") << image;
}

TEST_F(BuildkitdTest, AFailingRunAndACacheThatCannotBeWritten) {
  project_->AddRun("broken", "echo the reason; exit 3");
  project_->AddRun("refused", "echo done",
                   ", cache_to: \"type=registry,ref=127.0.0.1:1/test/cache:1\"");
  const ProcessResult result = project_->ToRegistry({"base"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("exit code: 3"), HasSubstr("  the reason")));
  EXPECT_THAT(project_->Outcome().states,
              AllOf(Contains(Pair("broken:1", "failed")), Contains(Pair("refused:1", "built")),
                    Contains(Pair("site:3.0", "built"))));
}

TEST_F(BuildkitdTest, CancelLeavesNothingRunning) {
  project_->AddRun("long", "echo now it runs; sleep 98771");
  const std::unique_ptr<Process> cli = project_->StartToRegistry({"long", "base"});
  ASSERT_OK(cli->WaitForOutput("| now it runs"));
  EXPECT_TRUE(BuildkitProject::Runs("sleep 98771"));
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 4) << cli->output();
  EXPECT_FALSE(BuildkitProject::Runs("sleep 98771"));
}

TEST_F(BuildkitdTest, ParentsInAFolderNeedAnEngine) {
  const ProcessResult result = project_->ToLayout({"base"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(project_->Outcome().states.at("base:1.0"), "built");
  EXPECT_THAT(result.err, HasSubstr("build with --push-after-build to a registry"));
}

}  // namespace
}  // namespace stevedore::testing
