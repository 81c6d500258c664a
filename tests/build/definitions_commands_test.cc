// Commands about definitions and settings, as users run them: nothing is built.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DefinitionsCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(project_, Project::Create()); }
  mode_t ModeOf(const std::string& path) const {
    struct stat info;
    return stat(project_->Path(path).c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

  std::unique_ptr<Project> project_;
};

TEST_F(DefinitionsCommandsTest, GetByEveryName) {
  project_->WriteGraph();
  for (const char* get : {"get", "list"}) {
    for (const char* what : {"images", "image", "i", "img", "builders", "builder", "b",
                             "configuration", "config", "conf", "cfg"}) {
      for (const char* output : {"table", "json", "yaml"}) {
        const ProcessResult result = project_->Cli({get, what, "--output", output});
        EXPECT_EQ(result.exit_code, 0) << get << " " << what << result.err;
        EXPECT_FALSE(result.out.empty());
      }
    }
  }
  EXPECT_EQ(project_->Cli({"get", "builders", "--filter", "driver=assemble,name=lib:1"}).out,
            "NAME   DRIVER\nlib:1  assemble\n");
}

TEST_F(DefinitionsCommandsTest, WrongFiltersAreUsageErrors) {
  project_->WriteGraph();
  for (const char* what : {"images", "builders"}) {
    for (const char* filter : {"name", "=x", "colour=red"}) {
      const ProcessResult result = project_->Cli({"get", what, "--filter", filter});
      EXPECT_EQ(result.exit_code, 2) << what << filter;
      EXPECT_THAT(result.err, HasSubstr("--filter"));
    }
  }
}

TEST_F(DefinitionsCommandsTest, CreatedConfigurationIsTheOneInEffect) {
  const ProcessResult created = project_->Cli({"create",
                                               "configuration",
                                               "-b",
                                               "b<&>+",
                                               "-i",
                                               "i \"x\"",
                                               "-c",
                                               "3",
                                               "-C",
                                               "new.yaml",
                                               "--credentials-format",
                                               "yaml",
                                               "--credentials-local-storage-path",
                                               "vault",
                                               "-s",
                                               "-p",
                                               "-l",
                                               "log.txt",
                                               "-t",
                                               "{{ .Major }},{{ .Minor }}",
                                               "--credentials-encryption-key",
                                               "k+<"});
  EXPECT_EQ(created.exit_code, 0) << created.err;
  EXPECT_EQ(ModeOf("new.yaml"), 0600u);
  const ProcessResult shown = project_->Cli(
      {"get", "configuration", "--config", "new.yaml", "--show-secrets", "--output", "yaml"});
  EXPECT_THAT(
      shown.out,
      AllOf(HasSubstr("builders_path: \"b<&>+\""), HasSubstr("images_path: \"i \\\"x\\\"\""),
            HasSubstr("concurrency: 3"), HasSubstr("push_images: true"),
            HasSubstr("log_path: log.txt"), HasSubstr("semantic_version_tags_enabled: true"),
            HasSubstr("  - \"{{ .Major }}\"\n  - \"{{ .Minor }}\"\n"),
            HasSubstr("local_storage_path: vault"), HasSubstr("format: yaml"),
            HasSubstr("encryption_key: \"k+<\"")));
  EXPECT_THAT(project_->Cli({"get", "configuration", "--config", "new.yaml"}).out,
              AllOf(HasSubstr("********"), Not(HasSubstr("k+<"))));
}

TEST_F(DefinitionsCommandsTest, CreatedByEveryName) {
  int count = 0;
  for (const std::vector<std::string> command : {std::vector<std::string>{"create", "config"},
                                                 {"generate", "conf"},
                                                 {"create", "cfg"},
                                                 {"initialize"},
                                                 {"init"}}) {
    std::vector<std::string> arguments = command;
    const std::string file = absl::StrCat("new", ++count, ".yaml");
    arguments.insert(arguments.end(), {"--config", file});
    const ProcessResult result = project_->Cli(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(ModeOf(file), 0644u);
  }
}

TEST_F(DefinitionsCommandsTest, CreateReplacesOnlyWhenForced) {
  project_->Write("stevedore.yaml", "images_path: [broken");  // It need not be read.
  const ProcessResult refused = project_->Cli({"init"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("stevedore.yaml"), HasSubstr("--force")));
  EXPECT_EQ(*base::ReadFile(project_->Path("stevedore.yaml")), "images_path: [broken");
  EXPECT_EQ(project_->Cli({"init", "--force", "--generate-credentials-encryption-key"}).exit_code,
            0);
  EXPECT_THAT(*base::ReadFile(project_->Path("stevedore.yaml")), HasSubstr("encryption_key: "));
  EXPECT_EQ(project_
                ->Cli({"init", "--force", "--generate-credentials-encryption-key",
                       "--credentials-encryption-key", "x"})
                .exit_code,
            2);
  EXPECT_EQ(project_->Cli({"init", "--force", "-c", "0"}).exit_code, 2);
}

TEST_F(DefinitionsCommandsTest, ValidateAcceptsAGoodTree) {
  project_->WriteGraph();
  const ProcessResult result = project_->Cli({"validate"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("no errors: 5 images, 0 wildcards, 5 builders"));
}

TEST_F(DefinitionsCommandsTest, ValidateShowsEveryError) {
  std::string images = "images:\n";
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&images, "  i", i, ":\n    \"1\": {parnets: {}}\n");
  }
  project_->Write("images.yaml", images);
  const ProcessResult result = project_->Cli({"validate"});
  EXPECT_EQ(result.exit_code, 2);
  for (int i = 0; i < 30; ++i) {
    EXPECT_THAT(result.err, HasSubstr(absl::StrCat("images.yaml:", 3 + 2 * i, ":11: ")));
  }
  EXPECT_THAT(result.err, HasSubstr("did you mean `parents`?"));
}

TEST_F(DefinitionsCommandsTest, ValidateFindsReferencesThatClash) {
  project_->Write(
      "images.yaml",
      "images:\n"
      "  a: {\"1\": {name: same, builder: {driver: docker, options: {context: {path: .}}}}}\n"
      "  b: {\"1\": {name: same, builder: {driver: docker, options: {context: {path: .}}}}}\n");
  const ProcessResult result = project_->Cli({"validate"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("images.yaml:3:"), HasSubstr("same:1")));
}

TEST_F(DefinitionsCommandsTest, LintTellsWarningsFromErrors) {
  project_->Write("images.yaml", "images:\n  a: {\"*\": }\n");
  ProcessResult result = project_->Cli({"lint"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("images.yaml:2:7: warning SV203: "));
  EXPECT_EQ(project_->Cli({"lint", "--strict"}).exit_code, 2);
  project_->Write("images.yaml", "images:\n  a: {1: {parnets: }}\n");
  result = project_->Cli({"lint", "--output", "json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, AllOf(HasSubstr("\"code\": \"SV003\""), HasSubstr("\"line\": 2"),
                                HasSubstr("\"fix\": \"did you mean `parents`?")));
}

TEST_F(DefinitionsCommandsTest, SchemaPrintsAPartOrAll) {
  EXPECT_THAT(project_->Cli({"schema"}).out,
              AllOf(HasSubstr("draft-07"), HasSubstr("images_path"), HasSubstr("\"builders\"")));
  EXPECT_THAT(project_->Cli({"schema", "images"}).out, Not(HasSubstr("images_path")));
  EXPECT_EQ(project_->Cli({"schema", "nonsense"}).exit_code, 2);
}

}  // namespace
}  // namespace stevedore::testing
