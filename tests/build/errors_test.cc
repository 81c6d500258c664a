// Mistakes as people make them: each message names place, cause and remedy, each exit code is
// right.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    project_->WriteGraph();
  }
  void Replace(const std::string& from, const std::string& to) {
    const std::string text = *base::ReadFile(project_->Path("images.yaml"));
    ASSERT_THAT(text, HasSubstr(from));
    project_->Write("images.yaml", absl::StrReplaceAll(text, {{from, to}}));
  }
  ProcessResult Build(const std::string& image) {
    return project_->Cli({"build", image, "--output", "oci:" + project_->Scratch("out")});
  }

  std::unique_ptr<Project> project_;
};

TEST_F(ErrorsTest, UnknownParent) {
  Replace("parents: {web: [\"1.0\"]}", "parents: {wbe: [\"1.0\"]}");
  const ProcessResult result = Build("site");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("images.yaml:"), HasSubstr("wbe")));
}

TEST_F(ErrorsTest, Cycle) {
  Replace("  base:\n    \"1\":\n", "  base:\n    \"1\":\n      parents: {site: [\"1.0\"]}\n");
  const ProcessResult result = Build("base");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("base:1"), HasSubstr("site:1.0"), HasSubstr("web:1.0")));
}

TEST_F(ErrorsTest, BadIndentation) {
  Replace("      namespace: test\n", "     namespace: test\n");
  const ProcessResult result = Build("base");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("images.yaml:5:"));
}

TEST_F(ErrorsTest, MissingContextFolder) {
  Replace("context: [{path: libs}]", "context: [{path: library}]");
  const ProcessResult result = Build("lib");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("images.yaml:"), HasSubstr("lib:1"), HasSubstr("library")));
}

TEST_F(ErrorsTest, UnknownImage) {
  const ProcessResult result = Build("wbe");
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("wbe"), HasSubstr("web")));
}

TEST_F(ErrorsTest, UnknownFlagAndCommand) {
  EXPECT_EQ(project_->Cli({"build", "web", "--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(project_->Cli({"biuld", "web"}).exit_code, 2);
  EXPECT_EQ(project_->Cli({"build"}).exit_code, 2);
  EXPECT_EQ(project_->Cli({"build", "web", "--output", "/tmp/out"}).exit_code, 2);
  EXPECT_EQ(project_->Cli({"build", "web", "-x", "novalue"}).exit_code, 2);
}

TEST_F(ErrorsTest, MissingConfiguration) {
  const ProcessResult result = project_->Cli({"get", "images", "--config", "nowhere.yaml"});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("nowhere.yaml"));
}

TEST_F(ErrorsTest, RegistryDown) {
  project_->WriteGraph("127.0.0.1:1");
  const ProcessResult result = project_->Cli({"build", "web", "--push-after-build"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("base:1")));
}

TEST_F(ErrorsTest, WrongPassword) {
  RegistryOptions options;
  options.auth = RegistryOptions::Auth::kBasic;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start(options));
  project_->WriteGraph(registry->host());
  project_->Login(registry->host(), options.username, "swordfish");
  const ProcessResult result = project_->Cli({"build", "lone", "--push-after-build"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr(registry->host()), HasSubstr("docker login"), HasSubstr("lone:1")));
  EXPECT_THAT(result.err, Not(HasSubstr("swordfish")));
  project_->Login(registry->host(), options.username, options.password);
  EXPECT_EQ(project_->Cli({"build", "lone", "--push-after-build"}).exit_code, 0);
}

TEST_F(ErrorsTest, CoordinatorDown) {
  const ProcessResult result =
      project_->Cli({"submit", "lone", "--coordinator", "127.0.0.1:1", "--wait-for-server", "0s"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("--wait-for-server")));
  EXPECT_EQ(project_->Cli({"submit", "lone"}).exit_code, 2);
}

}  // namespace
}  // namespace stevedore::testing
