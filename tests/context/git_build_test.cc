// Images from git contexts, with the programs as users run them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/testing/git_workshop.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/git_server.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using context::testing::GitWorkshop;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// One image whose files are in git, and a folder of its own over them.
std::string Images(const std::string& registry, const std::string& git,
                   const std::string& layers = "{from: ., to: /srv}") {
  return absl::StrCat("images:\n  web:\n    \"1.0\":\n      registry: ", registry,
                      "\n      platforms: [linux/amd64]\n      builder:\n        driver: assemble\n"
                      "        options:\n          context:\n            - git: ",
                      git, "\n            - path: over\n          layers: [", layers, "]\n");
}

class GitBuildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    repository_.emplace(project_->Scratch("repositories/web"));
    repository_->Write("app/a", "1");
    repository_->Write("app/b", "from git", /*executable=*/true);
    first_ = repository_->Commit("one");
    repository_->Git({"tag", "v1"});
    project_->Write("stevedore.yaml", "images_path: images.yaml\nbuilders_path: images.yaml\n");
    project_->Write("over/b", "from the folder");
  }

  std::string Digest(const std::string& out) {
    return project_->Outcome(project_->Path(out)).digests.at("web:1.0");
  }
  ProcessResult Build(const std::string& out) {
    return project_->Cli({"build", "web", "--output", "oci:" + project_->Scratch("out"),
                          "--metadata-file", project_->Path(out)});
  }

  std::unique_ptr<Project> project_;
  std::optional<GitWorkshop> repository_;
  std::string first_;
};

TEST_F(GitBuildTest, MergedWithAFolderEqualsTwoFolders) {
  project_->Write("images.yaml",
                  Images("registry.test", absl::StrCat("{repository: ", repository_->path(),
                                                       ", reference: v1, path: ./app}")));
  ProcessResult result = Build("git.json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  project_->Write("files/a", "1");
  project_->Write("files/b", "hidden");
  std::string images = Images("registry.test", "");
  const size_t git = images.find("- git: ");
  images.replace(git, std::string("- git: ").size(), "- path: files");
  project_->Write("images.yaml", images);
  ASSERT_OK(base::RemoveTree(project_->Scratch("out")));
  result = Build("folder.json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Digest("git.json"), Digest("folder.json"));
}

TEST_F(GitBuildTest, WhatChangedIsTheCause) {
  project_->Write(
      "images.yaml",
      Images("registry.test", absl::StrCat("{repository: ", repository_->path(), ", path: app}")));
  ASSERT_EQ(Build("one.json").exit_code, 0);
  repository_->Write("app/a", "2");
  repository_->Write("elsewhere", "x");
  repository_->Commit("two");
  const ProcessResult plan =
      project_->Cli({"plan", "web", "--output", "oci:" + project_->Scratch("out")});
  EXPECT_THAT(plan.out, AllOf(HasSubstr("build"), HasSubstr(repository_->path() + "#:app: a")));
  repository_->Git({"reset", "-q", "--hard", first_});
  repository_->Write("elsewhere", "y");
  repository_->Commit("three: nothing below app");
  const ProcessResult again = Build("two.json");
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(project_->Outcome(project_->Path("two.json")).states.at("web:1.0"), "reused");
}

TEST_F(GitBuildTest, ErrorsNameDefinitionImageAndRemedy) {
  const std::string url = repository_->path();
  const std::pair<std::string, std::string> rows[] = {
      {absl::StrCat("{repository: ", url, ", reference: nowhere}"), "no branch, tag or commit"},
      {absl::StrCat("{repository: ", url, ", path: none}"), "`none`"},
      {absl::StrCat("{repository: ", url, "-none}"), "no such folder"},
      {"{repository: \"ftp://git.test/web\"}", "https://HOST/PATH"},
      {absl::StrCat("{repository: ", url, ", auth: {credentials_id: nobody}}"),
       "create credentials nobody"},
  };
  for (const auto& [git, message] : rows) {
    SCOPED_TRACE(git);
    project_->Write("images.yaml", Images("registry.test", git));
    const ProcessResult result = Build("out.json");
    EXPECT_NE(result.exit_code, 0);
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("images.yaml:"), HasSubstr("web:1.0"), HasSubstr(message)));
  }
}

TEST_F(GitBuildTest, KilledInTheMiddleOfAFetchThenAgain) {
  std::string noise;
  for (int64_t i = 0; i < 300000; ++i) noise += std::to_string(i * 7919 % 65521 * 31);
  repository_->Write("app/noise", noise);
  repository_->Commit("noise");
  ASSERT_OK_AND_ASSIGN(const auto server, GitHttpServer::Start(project_->Scratch("repositories")));
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(server->port()));
  Fault slow;
  slow.method = "POST";
  slow.bytes_per_second = 100000;
  proxy->Add(slow);
  project_->Write("images.yaml",
                  Images("registry.test",
                         absl::StrCat("{repository: \"http://", proxy->host(), "/web/.git\"}")));
  const std::vector<std::string> words = {"build", "web", "--output",
                                          "oci:" + project_->Scratch("out")};
  const std::unique_ptr<Process> process = project_->StartCli(words);
  while (proxy->RequestCount("POST") == 0) absl::SleepFor(absl::Milliseconds(20));
  absl::SleepFor(absl::Milliseconds(500));
  ASSERT_TRUE(process->running());
  process->Kill();
  // Two at once then: one fetches, the other waits for it.
  const std::unique_ptr<Process> one = project_->StartCli(words);
  const std::unique_ptr<Process> two =
      project_->StartCli({"build", "web", "--output", "oci:" + project_->Scratch("other")});
  ASSERT_OK_AND_ASSIGN(const int one_code, one->Wait());
  ASSERT_OK_AND_ASSIGN(const int two_code, two->Wait());
  EXPECT_EQ(one_code, 0) << one->err();
  EXPECT_EQ(two_code, 0) << two->err();
}

TEST_F(GitBuildTest, WorkersReadTheCommitThemselves) {
  ASSERT_OK_AND_ASSIGN(const auto fleet, Fleet::Start());
  ASSERT_OK_AND_ASSIGN(const auto server,
                       GitHttpServer::Start(project_->Scratch("repositories"),
                                            {.username = "me", .password = "hush-hush"}));
  const std::string url = server->url() + "/web/.git";
  const std::string store = project_->Scratch("store");
  project_->Write("stevedore.yaml",
                  absl::StrCat("images_path: images.yaml\nbuilders_path: images.yaml\n"
                               "credentials:\n  storage_type: local\n  format: json\n"
                               "  local_storage_path: ",
                               store, "\n"));
  ASSERT_OK(base::MakeDirectories(store, 0700));
  // gostevedore's name for `git`: its MD5.
  ASSERT_OK(base::WriteFileAtomically(store + "/ba9f11ecc3497d9993b933fdc2bd61e5",
                                      R"({"username":"me","password":"hush-hush"})", 0600));
  ASSERT_OK(fleet->StartWorker("one", {"--credentials-local-storage-path", store}));
  const std::vector<std::string> submit = {"submit",          "web",
                                           "--coordinator",   fleet->coordinator_address(),
                                           "--metadata-file", project_->Path("fleet.json")};
  project_->Write(
      "images.yaml",
      Images(fleet->registry(), absl::StrCat("{repository: \"", url,
                                             "\", reference: v1, auth: {credentials_id: git}}")));
  const ProcessResult sent = project_->Cli(submit);
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_EQ(project_->Outcome(project_->Path("fleet.json")).states.at("web:1.0"), "built");
  // What stands in the definition is not sent.
  project_->Write(
      "images.yaml",
      Images(fleet->registry(), absl::StrCat("{repository: \"", url,
                                             "\", auth: {username: me, password: hush-hush}}")));
  const ProcessResult refused = project_->Cli(submit);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("images.yaml:"), HasSubstr("credentials_id"),
                                 Not(HasSubstr("hush-hush"))));
}

}  // namespace
}  // namespace stevedore::testing
