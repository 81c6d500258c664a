// Driver `buildkit` against the BuildKit of a real Docker engine, as users run it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/drivers/buildkit_project.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class BuildkitDriverTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    start_ = engine.status();
    if (engine.ok()) engine_ = engine->release();
  }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }

  void SetUp() override {
    if (absl::IsFailedPrecondition(start_)) GTEST_SKIP() << start_.message();
    ASSERT_OK(start_);
    UseEngine(engine_->Address());
    ASSERT_OK_AND_ASSIGN(project_, BuildkitProject::Create());
    project_->WriteFamily();
  }
  void TearDown() override {
    unsetenv("DOCKER_HOST");
    unsetenv("BUILDKIT_HOST");
  }

  static void UseEngine(const std::string& address) { setenv("DOCKER_HOST", address.c_str(), 1); }

  static std::string EngineSays(const DockerEngine& engine, std::vector<std::string> arguments) {
    const absl::StatusOr<ProcessResult> result = engine.Docker(std::move(arguments));
    EXPECT_OK(result);
    return result.ok() ? result->out : "";
  }
  // Nothing but the engine's cache of steps may be left of our builds.
  static void ExpectNothingLeft() {
    EXPECT_EQ(EngineSays(*engine_, {"ps", "--all", "--quiet"}), "");
    EXPECT_EQ(EngineSays(*engine_, {"images", "--all", "--format", "{{.ID}} {{.Repository}}"}), "");
  }

  static DockerEngine* engine_;
  static absl::Status start_;
  std::unique_ptr<BuildkitProject> project_;
};

DockerEngine* BuildkitDriverTest::engine_ = nullptr;
absl::Status BuildkitDriverTest::start_;

TEST_F(BuildkitDriverTest, BuildsAFamilyIntoALayout) {
  const ProcessResult result = project_->ToLayout({"base"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(project_->Outcome().states,
              AllOf(Contains(Pair("base:1.0", "built")), Contains(Pair("web:2.0", "built")),
                    Contains(Pair("site:3.0", "built"))));
  EXPECT_THAT(result.err, HasSubstr("said hello"));
  const std::string config = project_->Config("web:2.0");
  EXPECT_THAT(config, AllOf(HasSubstr(R"("team": "shop")"), HasSubstr("PATH=/bin")));
  EXPECT_EQ(project_->Config("web:stable"), config);
  ExpectNothingLeft();

  // The image runs, with what its arguments said.
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult copied,
      Process::Run({.argv = {"skopeo", "copy", project_->LayoutImage("site:3.0"),
                             absl::StrCat("docker-archive:", project_->files().Scratch("site.tar"),
                                          ":site:3")}}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EngineSays(*engine_, {"load", "--input", project_->files().Scratch("site.tar")});
  EXPECT_EQ(EngineSays(*engine_, {"run", "--rm", "--network", "none", "site:3", "cat", "/greeting",
                                  "/srv/page"}),
            "hello\n<h1>page</h1>\n");
  EngineSays(*engine_, {"rmi", "site:3"});
  // Built once, reused then.
  const ProcessResult again = project_->ToLayout({"base"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  for (const auto& [image, state] : project_->Outcome().states) EXPECT_EQ(state, "reused") << image;
  ExpectNothingLeft();
}

TEST_F(BuildkitDriverTest, OutputIsOnTheScreenLineByLine) {
  project_->AddRun("talk",
                   "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; "
                   "printf '10%%\\r20%%\\rdone\\nlast'; sleep 1");
  const ProcessResult result = project_->ToLayout({"talk", "base"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  size_t at = 0;
  for (int i = 0; i < 2000; ++i) {
    at = result.err.find(absl::StrCat("| line ", i, "\n"), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(result.err.find("| last", at), std::string::npos);
}

TEST_F(BuildkitDriverTest, AFailingRunFailsTheImageItsChildrenAreSkippedAndSiblingsBuilt) {
  project_->AddRun("broken", "echo before; echo the reason; exit 3");
  project_->AddRun("child", "true", "", "broken: [\"1\"]");
  const ProcessResult result = project_->ToLayout({"base"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const BuildOutcome outcome = project_->Outcome();
  EXPECT_EQ(outcome.states.at("broken:1"), "failed");
  EXPECT_EQ(outcome.states.at("child:1"), "skipped");
  EXPECT_EQ(outcome.states.at("site:3.0"), "built");
  EXPECT_EQ(outcome.attempts.at("broken:1"), 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("exit code: 3"), HasSubstr("  the reason"),
                                HasSubstr("RUN echo before"), HasSubstr("it printed:")));
  ExpectNothingLeft();
}

// The daemon keeps folders between builds and sends what changed; files of one size and time must
// not be taken for each other.
TEST_F(BuildkitDriverTest, FilesOfOneSizeAreNotMistakenForEachOther) {
  for (const std::string name : {"one", "two"}) {
    project_->AddRun(name, "true");
    project_->files().Write(name + "/text", name);
    project_->files().Write(name + "/Dockerfile",
                            "ARG image_from_fully_qualified_name\n"
                            "FROM ${image_from_fully_qualified_name}\nCOPY text /text\n"
                            "RUN test `cat /text` = " +
                                name + "\n");
  }
  const ProcessResult result = project_->ToLayout({"base"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(BuildkitDriverTest, WhatIsWrongWithTheDockerfileIsSaidOnce) {
  project_->AddRun("odd", "true");
  project_->files().Write("odd/Dockerfile", "FROM scratch\nCOPPY a b\n");
  const ProcessResult result = project_->ToLayout({"odd", "base"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(project_->Outcome().attempts.at("odd:1"), 1);
  EXPECT_THAT(result.err, HasSubstr("unknown instruction: COPPY"));
}

TEST_F(BuildkitDriverTest, SecretsReachTheCommandAndNothingElse) {
  setenv("PLAIN_TOKEN", "token-7261", 1);
  project_->files().Write("../key", "file-9152");
  project_->AddRun("secret",
                   "--mount=type=secret,id=tok --mount=type=secret,id=key "
                   "sed 's/-/+/' /run/secrets/tok /run/secrets/key && sleep 1",
                   absl::StrCat(", secrets: [{id: tok, env: PLAIN_TOKEN}, {id: key, file: ",
                                project_->files().Path("../key"), "}]"));
  const ProcessResult result = project_->ToLayout({"secret", "base"});
  unsetenv("PLAIN_TOKEN");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("token+7261"), HasSubstr("file+9152")));
  ASSERT_OK_AND_ASSIGN(const ProcessResult found,
                       Process::Run({.argv = {"grep", "-rlE", "token-7261|file-9152",
                                              project_->files().Scratch("out")}}));
  EXPECT_EQ(found.out, "");
  EXPECT_THAT(project_->Config("secret:1"),
              AllOf(Not(HasSubstr("token-7261")), Not(HasSubstr("file-9152"))));

  const ProcessResult missing = project_->ToLayout({"secret", "base"}, {"--no-cache"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("secret tok: the variable PLAIN_TOKEN is not set"));
}

TEST_F(BuildkitDriverTest, AnSshAgentSignsForTheCommand) {
  const std::string socket = project_->files().Scratch("agent");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Process> agent,
                       Process::Start({.argv = {"ssh-agent", "-D", "-a", socket}}));
  ASSERT_OK(agent->WaitForOutput("SSH_AUTH_SOCK"));
  const std::string key = project_->files().Scratch("key");
  ASSERT_OK(Process::Run(
      {.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "the key", "-f", key}}));
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult added,
      Process::Run({.argv = {"ssh-add", key}, .environment = {{"SSH_AUTH_SOCK", socket}}}));
  ASSERT_EQ(added.exit_code, 0) << added.err;
  project_->AddRun("agent", "--mount=type=ssh ssh-add -l", ", ssh: default");
  project_->CopyProgram("/usr/bin/ssh-add", "agent");
  project_->files().Write("agent/Dockerfile",
                          "ARG image_from_fully_qualified_name\n"
                          "FROM ${image_from_fully_qualified_name}\nCOPY root /\n"
                          "RUN --mount=type=ssh ssh-add -l && sleep 1\n");
  setenv("SSH_AUTH_SOCK", socket.c_str(), 1);
  const ProcessResult result = project_->ToLayout({"agent", "base"});
  unsetenv("SSH_AUTH_SOCK");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the key (ED25519)"));
}

TEST_F(BuildkitDriverTest, ALargeContextArrivesWhole) {
  project_->AddRun("large", "true");
  std::string big(48 << 20, '\0');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * i >> 7);
  project_->files().Write("large/big", big);
  project_->files().Write("large/sub dir/empty", "");
  ASSERT_EQ(symlink("../big", project_->files().Path("large/sub dir/link").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const ProcessResult sum,
                       Process::Run({.argv = {"sha256sum", project_->files().Path("large/big")}}));
  project_->files().Write("large/Dockerfile",
                          "ARG image_from_fully_qualified_name\n"
                          "FROM ${image_from_fully_qualified_name}\nCOPY . /data\n"
                          "RUN sha256sum '/data/sub dir/link' && ls '/data/sub dir' && sleep 1\n");
  const ProcessResult result = project_->ToLayout({"large", "base"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr(sum.out.substr(0, 64)), HasSubstr("| empty")));
}

TEST_F(BuildkitDriverTest, CancelLeavesNothingRunning) {
  project_->AddRun("long", "echo now it runs; sleep 98761");
  const std::unique_ptr<Process> cli = project_->StartToLayout({"long", "base"});
  ASSERT_OK(cli->WaitForOutput("| now it runs"));
  EXPECT_TRUE(BuildkitProject::Runs("sleep 98761"));
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 4) << cli->output();
  // At once: the program did not end before the daemon's build had.
  EXPECT_FALSE(BuildkitProject::Runs("sleep 98761"));
  ExpectNothingLeft();
}

TEST_F(BuildkitDriverTest, ABuildThatTakesTooLongFails) {
  project_->AddRun("slow", "sleep 98762", ", timeout: 3s");
  const ProcessResult result = project_->ToLayout({"slow", "base"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("took longer than its limit of 3s"));
  EXPECT_EQ(project_->Outcome().attempts.at("slow:1"), 1);
  EXPECT_FALSE(BuildkitProject::Runs("sleep 98762"));
  ExpectNothingLeft();
}

TEST_F(BuildkitDriverTest, KeptImagesHaveTheirNamesInTheEngine) {
  project_->AddRun("kept", "true", ", keep_image: true");
  const ProcessResult result = project_->ToLayout({"kept", "base"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(EngineSays(*engine_, {"images", "--quiet", "registry.test/test/kept:1"}), "");
  EngineSays(*engine_, {"rmi", "registry.test/test/kept:1"});
  ExpectNothingLeft();
}

class BuildkitDriverRegistryTest : public BuildkitDriverTest,
                                   public ::testing::WithParamInterface<RegistryOptions::Auth> {};

INSTANTIATE_TEST_SUITE_P(Kinds, BuildkitDriverRegistryTest,
                         ::testing::Values(RegistryOptions::Auth::kToken,
                                           RegistryOptions::Auth::kBasic));

TEST_P(BuildkitDriverRegistryTest, ThatWantsALogin) {
  // Without TLS: on loopback, the BuildKit inside of engines speaks plain HTTP only.
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry,
                       Registry::Start({.auth = GetParam()}));
  project_->SetRegistry(registry->host());
  project_->files().Login(registry->host(), "alice", "wonderland");
  // web is built on the base of this very build, whose tag has not moved yet.
  const ProcessResult family = project_->ToRegistry({"base"});
  ASSERT_EQ(family.exit_code, 0) << family.err;
  EXPECT_THAT(project_->Outcome().tags, Contains(Pair(registry->host() + "/test/site:3.0",
                                                      project_->Outcome().digests.at("site:3.0"))));
  ExpectNothingLeft();

  // Not declared as a parent: the daemon logs in through us.
  EngineSays(*engine_, {"builder", "prune", "--all", "--force"});
  project_->AddRun("private", "true", ", pull: true", "");
  project_->files().Write(
      "private/Dockerfile",
      absl::StrCat("FROM ", registry->host(), "/test/web:2.0\nRUN test `cat /greeting` = hello\n"));
  const ProcessResult own = project_->ToRegistry({"private"});
  EXPECT_EQ(own.exit_code, 0) << own.err;
}

TEST_F(BuildkitDriverTest, CachesInARegistry) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry,
                       Registry::Start({.auth = RegistryOptions::Auth::kBasic}));
  project_->SetRegistry(registry->host());
  project_->files().Login(registry->host(), "alice", "wonderland");
  project_->AddRun(
      "cached", "echo worked hard; sleep 1",
      absl::StrCat(", cache_to: type=inline, cache_from: ", registry->host(), "/test/cached:1"));
  const ProcessResult first = project_->ToRegistry({"cached", "base"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("| worked hard"));
  EngineSays(*engine_, {"builder", "prune", "--all", "--force"});
  const ProcessResult second = project_->ToRegistry({"cached"}, {"--no-cache"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.err, AllOf(HasSubstr(" cached"), Not(HasSubstr("| worked hard"))));

  // A cache that cannot be written is a warning.
  project_->AddRun("refused", "echo done; sleep 1",
                   ", cache_to: \"type=registry,ref=127.0.0.1:1/test/cache:1\"");
  const ProcessResult refused = project_->ToRegistry({"refused", "base"});
  EXPECT_EQ(refused.exit_code, 0) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("warning: the build cache was not exported"));
  ExpectNothingLeft();
}

TEST_F(BuildkitDriverTest, ACoordinatorAndTwoWorkers) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start());
  ASSERT_OK(fleet->StartWorker("w1"));
  ASSERT_OK(fleet->StartWorker("w2"));
  project_->SetRegistry(fleet->registry());
  project_->AddRun("broken", "echo the reason; exit 3");
  const ProcessResult result = project_->files().Cli(
      {"submit", "base", "--build-on-cascade", "--coordinator", fleet->coordinator_address(),
       "--push-after-build", "--metadata-file", project_->files().Scratch("metadata.json")});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the reason"));
  const BuildOutcome outcome = project_->Outcome();
  EXPECT_EQ(outcome.states.at("broken:1"), "failed");
  EXPECT_EQ(outcome.states.at("site:3.0"), "built");
  ExpectNothingLeft();
}

TEST_F(BuildkitDriverTest, NoDaemon) {
  UseEngine("unix:///nonexistent/docker.sock");
  const ProcessResult engine = project_->ToLayout({"base"});
  EXPECT_EQ(engine.exit_code, 3) << engine.err;
  EXPECT_THAT(engine.err,
              AllOf(HasSubstr("unix:///nonexistent/docker.sock"),
                    HasSubstr("there is no such socket"), HasSubstr("systemctl start docker")));
  setenv("BUILDKIT_HOST", "unix:///nonexistent/buildkitd.sock", 1);
  const ProcessResult daemon = project_->ToLayout({"base"});
  EXPECT_EQ(daemon.exit_code, 3) << daemon.err;
  EXPECT_THAT(daemon.err, AllOf(HasSubstr("unix:///nonexistent/buildkitd.sock does not answer"),
                                HasSubstr("see that buildkitd runs there")));
}

TEST_F(BuildkitDriverTest, AnEngineThatDies) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DockerEngine> engine, DockerEngine::Start());
  UseEngine(engine->Address());
  project_->AddRun("long", "echo now it runs; sleep 98763");
  const std::unique_ptr<Process> cli = project_->StartToLayout({"long", "base"});
  ASSERT_OK(cli->WaitForOutput("| now it runs"));
  engine->process().Kill();
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_NE(exit_code, 0);
  EXPECT_THAT(cli->output(), AllOf(HasSubstr(engine->Address()), HasSubstr("went away"),
                                   HasSubstr("see that it runs")));
}

TEST_F(BuildkitDriverTest, AnEngineBehindTls) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DockerEngine> engine,
                       DockerEngine::Start({.tls = true}));
  UseEngine(engine->tls_address());
  setenv("DOCKER_TLS_VERIFY", "1", 1);
  setenv("DOCKER_CERT_PATH", engine->certificates().c_str(), 1);
  const ProcessResult result = project_->ToLayout({"web:2.0"});
  unsetenv("DOCKER_TLS_VERIFY");
  unsetenv("DOCKER_CERT_PATH");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr(engine->tls_address()), HasSubstr("forward its socket")));
}

TEST_F(BuildkitDriverTest, AFullDisk) {
  const absl::StatusOr<std::unique_ptr<DockerEngine>> engine =
      DockerEngine::Start({.disk_mib = 24});
  ASSERT_OK(engine);
  UseEngine((*engine)->Address());
  project_->AddRun("large", "true");
  project_->files().Write("large/big", std::string(40 << 20, 'x'));
  project_->files().Write("large/Dockerfile", "FROM scratch\nCOPY big /big\n");
  const ProcessResult result = project_->ToLayout({"large", "base"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr((*engine)->Address()), HasSubstr("no space left"),
                                HasSubstr("free space there")));
}

}  // namespace
}  // namespace stevedore::testing
