// Driver `ansible-playbook` with a real ansible, as users run it.

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

// `play` publishes a copy of `seed` with skopeo; `child` is assembled on what it published.
constexpr char kImages[] = R"(images:
  seed:
    "1":
      registry: registry.test
      builder: {driver: sleep, options: {duration: 0}}
  play:
    "1.0":
      registry: REGISTRY
      namespace: test
      tags: [stable]
      vars: {seed: "SEED", secret: hunter2-SECRET, count: 3, names: [a, b]}
      persistent_labels: {team: shop}
      labels: {kind: made}
      builder: {driver: ansible-playbook, options: {playbook: site.yml, inventory: "localhost,",
                connection_local: true CONTEXT}}
  child:
    "2.0":
      registry: REGISTRY
      namespace: test
      parents: {play: ["1.0"]}
      builder: {driver: assemble, options: {context: {path: files}, layers: [{from: ., to: /srv}]}}
)";

constexpr char kPlaybook[] = R"(- hosts: all
  gather_facts: false
  tasks:
    - copy:
        dest: "SAID"
        content: "{{ image_name }} {{ image_tag }} {{ image_registry_namespace }}
          {{ image_extra_tags }} {{ image_labels.kind }} {{ team }}
          {{ image_builder_label }} {{ count + 1 }} {{ names[1] }}"
    - command:
        argv: [skopeo, copy, --dest-tls-verify=false, "oci:{{ seed }}:registry.test/seed:1",
               "docker://{{ image_fully_qualified_name }}"]
      when: push_image is not defined
)";

// Ids of all processes that have `text` in `file` of theirs: "cmdline" or "environ".
std::vector<std::string> ProcessesWith(absl::string_view text, const char* file) {
  std::vector<std::string> found;
  DIR* const proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    int64_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const auto content = base::ReadFile(absl::StrCat("/proc/", pid, "/", file));
    if (content.ok() && absl::StrContains(*content, text)) found.push_back(entry->d_name);
  }
  closedir(proc);
  return found;
}

// Seconds that no other test on this machine sleeps: two of them may run at once.
std::string LongTime() { return absl::StrCat(100000 + getpid()); }

// How the command line of `sleep SECONDS` looks in /proc.
std::string SleepCommand() { return absl::StrCat("sleep", std::string(1, '\0'), LongTime()); }

// What got SIGKILL may take a moment to go on a busy machine.
bool AllGone(absl::string_view text, const char* file) {
  for (int i = 0; i < 100 && !ProcessesWith(text, file).empty(); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  return ProcessesWith(text, file).empty();
}

class AnsibleDriverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    project_->Write("files/page", "<h1>page</h1>\n");
    WriteImages("registry.test");
    const ProcessResult seed = project_->Cli(
        {"build", "seed", "--output", "oci:" + project_->Scratch("seed"), "--progress", "plain"});
    ASSERT_EQ(seed.exit_code, 0) << seed.err;
  }

  void WriteImages(const std::string& registry, const std::string& context = "") {
    project_->Write("images.yaml",
                    absl::StrReplaceAll(kImages, {{"REGISTRY", registry},
                                                  {"SEED", project_->Scratch("seed")},
                                                  {"CONTEXT", context}}));
    project_->Write("site.yml", Playbook());
  }
  std::string Playbook() const {
    return absl::StrReplaceAll(kPlaybook, {{"SAID", project_->Scratch("said")}});
  }
  void WritePlaybook(const std::string& tasks) {
    project_->Write("site.yml",
                    absl::StrCat("- hosts: all\n  gather_facts: false\n  tasks:\n", tasks));
  }
  // In the environment of everything that the project's command line starts.
  std::string Home() const {
    return absl::StrCat("HOME=", absl::StripSuffix(project_->Path(""), "project/"), "home");
  }
  std::vector<std::string> Build(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "build");
    arguments.insert(arguments.end(), {"--progress", "plain", "--logs", "--metadata-file",
                                       project_->Scratch("metadata.json")});
    return arguments;
  }
  ProcessResult BuildPlay() {
    return project_->Cli(Build({"play", "--output", "oci:" + project_->Scratch("out")}));
  }
  BuildOutcome Outcome() { return project_->Outcome(project_->Scratch("metadata.json")); }

  std::unique_ptr<Project> project_;
};

TEST_F(AnsibleDriverTest, AChildIsBuiltOnWhatThePlaybookPushed) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start());
  WriteImages(registry->host());
  // While it runs, no command line on this machine has the secret.
  std::atomic<bool> over = false;
  std::atomic<int> seen = 0, running = 0;
  std::thread watcher([&] {
    while (!over) {
      running += ProcessesWith("ansible-playbook", "cmdline").empty() ? 0 : 1;
      seen += static_cast<int>(ProcessesWith("hunter2-SECRET", "cmdline").size());
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  const ProcessResult result =
      project_->Cli(Build({"play", "--build-on-cascade", "--push-after-build",
                           "--insecure-registry", registry->host()}));
  over = true;
  watcher.join();
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GT(running, 0);
  EXPECT_EQ(seen, 0);
  // Not by --logs, which may miss lines on a busy machine.
  ASSERT_OK_AND_ASSIGN(const std::string said, base::ReadFile(project_->Scratch("said")));
  EXPECT_EQ(said, "play 1.0 test ['stable'] made shop builder_ansible-playbook_test_play_1.0 4 b");
  EXPECT_THAT(result.err, Not(HasSubstr("hunter2-SECRET")));
  const BuildOutcome outcome = Outcome();
  EXPECT_THAT(outcome.states,
              AllOf(Contains(Pair("play:1.0", "built")), Contains(Pair("child:2.0", "built"))));
  EXPECT_THAT(outcome.tags, Contains(Pair(registry->host() + "/test/play:stable",
                                          outcome.digests.at("play:1.0"))));
  // Never reused; what is built on it is, as it came out the same.
  const ProcessResult again =
      project_->Cli(Build({"play", "--build-on-cascade", "--push-after-build",
                           "--insecure-registry", registry->host()}));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Outcome().digests.at("play:1.0"), outcome.digests.at("play:1.0"));
  EXPECT_THAT(Outcome().states,
              AllOf(Contains(Pair("play:1.0", "built")), Contains(Pair("child:2.0", "reused"))));
  const ProcessResult plan = project_->Cli(
      {"plan", "play", "--push-after-build", "--insecure-registry", registry->host()});
  EXPECT_THAT(plan.out, HasSubstr("a playbook always runs, and publishes by itself"));
}

TEST_F(AnsibleDriverTest, WhatAPlaybookGetsWrongIsSaidWithAdvice) {
  WritePlaybook("    - command: sh -c 'echo the reason; exit 3'\n");
  const ProcessResult task = BuildPlay();
  EXPECT_EQ(task.exit_code, 1) << task.err;
  EXPECT_THAT(task.err, AllOf(HasSubstr("exit code 2: a task failed"), HasSubstr("the reason")));
  EXPECT_EQ(Outcome().attempts.at("play:1.0"), 1);

  WritePlaybook("    - debug: {msg: \"{{ no_such_variable }}\"}\n");
  const ProcessResult variable = BuildPlay();
  EXPECT_EQ(variable.exit_code, 1);
  EXPECT_THAT(variable.err, HasSubstr("'no_such_variable' is undefined"));

  WritePlaybook("    - nonsense: [\n");
  const ProcessResult syntax = BuildPlay();
  EXPECT_EQ(syntax.exit_code, 1);
  EXPECT_THAT(syntax.err, HasSubstr("--syntax-check"));

  WritePlaybook("    - ping:\n");
  project_->Write("images.yaml",
                  "images: {play: {\"1.0\": {builder: {driver: ansible-playbook, "
                  "options: {playbook: site.yml, inventory: \"127.0.0.9,\"}}}}}\n");
  const ProcessResult unreachable = BuildPlay();
  EXPECT_EQ(unreachable.exit_code, 1);
  EXPECT_THAT(unreachable.err, AllOf(HasSubstr("unreachable"), HasSubstr("connection_local")));

  project_->Write("images.yaml",
                  "images: {play: {\"1.0\": {builder: {driver: ansible-playbook, "
                  "options: {playbook: none.yml, inventory: \"127.0.0.9,\"}}}}}\n");
  const ProcessResult missing = BuildPlay();
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("there is no file `none.yml` in the working directory"));

  project_->Write("images.yaml",
                  "images: {play: {\"1.0\": {builder: {driver: ansible-playbook, "
                  "options: {playbook: site.yml}}}}}\n");
  EXPECT_THAT(BuildPlay().err, HasSubstr("--ansible-inventory-path"));
}

TEST_F(AnsibleDriverTest, APlaybookThatPushesNothingIsFoundOut) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start());
  WriteImages(registry->host());
  WritePlaybook("    - debug: {msg: idle}\n");
  const ProcessResult result =
      project_->Cli(Build({"play", "--push-after-build", "--insecure-registry", registry->host()}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("the playbook ended well, but there is no"),
                                HasSubstr("/test/play:1.0")));
}

TEST_F(AnsibleDriverTest, CancelLeavesNoProcess) {
  WritePlaybook("    - command: sleep " + LongTime() + "\n");
  const std::unique_ptr<Process> cli =
      project_->StartCli(Build({"play", "--output", "oci:" + project_->Scratch("out")}));
  for (int i = 0; i < 1200 && ProcessesWith(SleepCommand(), "cmdline").empty(); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  ASSERT_FALSE(ProcessesWith(SleepCommand(), "cmdline").empty()) << cli->output();
  ASSERT_FALSE(ProcessesWith(Home(), "environ").empty());
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 4) << cli->output();
  EXPECT_TRUE(AllGone(SleepCommand(), "cmdline"));
  EXPECT_TRUE(AllGone(Home(), "environ"));  // Nor anything else of ansible's.
}

TEST_F(AnsibleDriverTest, APlaybookThatTakesTooLongIsEnded) {
  WriteImages("registry.test", ", timeout: 4s");
  WritePlaybook("    - command: sleep " + LongTime() + "\n");
  const ProcessResult result = BuildPlay();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("took longer than its limit of 4s"));
  EXPECT_TRUE(AllGone(SleepCommand(), "cmdline"));
  EXPECT_TRUE(AllGone(Home(), "environ"));
}

TEST_F(AnsibleDriverTest, WithoutAnsibleTheRemedyIsSaid) {
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult result,
      Process::Run({.argv = {ProgramPath("cli/stevedore-cli"), "build", "play", "--output",
                             "oci:" + project_->Scratch("out"), "--progress", "plain"},
                    .environment = {{"PATH", "/nonexistent"}, {"HOME", project_->Path("home")}},
                    .working_directory = project_->Path("")}));
  EXPECT_EQ(result.exit_code, 3) << result.err;  // The machine is at fault, not the tree.
  EXPECT_THAT(result.err, HasSubstr("apt install ansible-core"));
}

TEST_F(AnsibleDriverTest, WorkersTakeThePlaybookFromAContext) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start());
  ASSERT_OK(fleet->StartWorker("w1"));
  WriteImages(fleet->registry());
  const std::vector<std::string> submit = {"submit",
                                           "play",
                                           "--build-on-cascade",
                                           "--coordinator",
                                           fleet->coordinator_address(),
                                           "--push-after-build",
                                           "--metadata-file",
                                           project_->Scratch("metadata.json")};
  const ProcessResult without = project_->Cli(submit);
  EXPECT_EQ(without.exit_code, 1) << without.err;
  EXPECT_THAT(without.err, HasSubstr("give the builder a `context` with the playbook"));

  WriteImages(fleet->registry(), ", context: {path: plays}");
  project_->Write("plays/site.yml", Playbook());
  project_->Write("site.yml", "");
  const ProcessResult result = project_->Cli(submit);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Outcome().states, AllOf(Contains(Pair("play:1.0", "built")),
                                      Contains(Pair("child:2.0", AnyOf("built", "reused")))));
}

}  // namespace
}  // namespace stevedore::testing
