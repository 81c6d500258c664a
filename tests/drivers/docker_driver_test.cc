// Driver `docker` against a real engine, as users run it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/docker_engine.h"
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

// base: busybox, with a RUN of its own; web on it by arguments; site on web by its literal name.
constexpr char kImages[] = R"(images:
  base:
    "1.0":
      registry: REGISTRY
      namespace: test
      builder: {driver: docker, options: {context: {path: base}, network: none}}
  web:
    "2.0":
      registry: REGISTRY
      namespace: test
      parents: {base: ["1.0"]}
      tags: [stable]
      vars: {GREETING: hello}
      labels: {team: shop}
      builder: {driver: docker, options: {context: {path: web}, network: none, target: final}}
  site:
    "3.0":
      registry: REGISTRY
      namespace: test
      parents: {web: ["2.0"]}
      builder: {driver: docker, options: {context: {path: site}, network: none}}
)";

constexpr char kBase[] =
    "FROM scratch\nCOPY busybox /bin/busybox\n"
    "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\nCMD [\"/bin/sh\"]\n";
constexpr char kWeb[] =
    "ARG image_from_fully_qualified_name\nFROM ${image_from_fully_qualified_name} AS final\n"
    "ARG GREETING=none\nRUN echo \"$GREETING\" > /greeting && echo said $GREETING\n"
    "COPY page /srv/page\n"
    "FROM final AS later\nRUN false\n";

class DockerDriverTest : public ::testing::Test {
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
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    WriteImages("registry.test");
  }
  void TearDown() override { unsetenv("DOCKER_HOST"); }

  static void UseEngine(const std::string& address) { setenv("DOCKER_HOST", address.c_str(), 1); }

  void WriteImages(const std::string& registry, const std::string& more = "") {
    project_->Write("images.yaml",
                    absl::StrReplaceAll(absl::StrCat(kImages, more), {{"REGISTRY", registry}}));
    project_->Write("base/Dockerfile", kBase);
    ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
    project_->Write("base/busybox", busybox);
    ASSERT_EQ(chmod(project_->Path("base/busybox").c_str(), 0755), 0);
    project_->Write("web/Dockerfile", kWeb);
    project_->Write("web/page", "<h1>page</h1>\n");
    project_->Write("site/Dockerfile",
                    absl::StrCat("FROM ", registry, "/test/web:2.0\nCOPY Dockerfile /srv/d\n"));
  }

  // An image `name`:1 on base whose Dockerfile runs `run`.
  std::string Runs(const std::string& name, const std::string& run, const std::string& options = "",
                   const std::string& parent = "base: [\"1.0\"]") {
    project_->Write(absl::StrCat(name, "/Dockerfile"),
                    absl::StrCat("ARG image_from_fully_qualified_name\n"
                                 "FROM ${image_from_fully_qualified_name}\nRUN ",
                                 run, "\n"));
    return absl::StrCat("  ", name, ":\n    \"1\":\n      registry: REGISTRY\n",
                        "      namespace: test\n      parents: {", parent, "}\n",
                        "      builder: {driver: docker, options: {context: {path: ", name,
                        "}, network: none", options, "}}\n");
  }

  std::vector<std::string> Build(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "build");
    for (const std::string& more :
         {std::string("--build-on-cascade"), std::string("--progress"), std::string("plain"),
          std::string("--metadata-file"), project_->Scratch("metadata.json")}) {
      arguments.push_back(more);
    }
    return arguments;
  }
  std::vector<std::string> BuildToLayout(std::vector<std::string> arguments) {
    arguments.push_back("--output");
    arguments.push_back("oci:" + project_->Scratch("out"));
    return Build(std::move(arguments));
  }
  BuildOutcome Outcome() { return project_->Outcome(project_->Scratch("metadata.json")); }

  // What skopeo says of an image of the layout, or of a registry.
  static std::string Config(const std::string& where) {
    const absl::StatusOr<ProcessResult> result =
        Process::Run({.argv = {"skopeo", "inspect", "--config", "--tls-verify=false", where}});
    EXPECT_OK(result);
    EXPECT_EQ(result->exit_code, 0) << result->err;
    return result->out;
  }
  std::string LayoutImage(const std::string& name) {
    return absl::StrCat("oci:", project_->Scratch("out"), ":registry.test/test/", name);
  }

  static std::string EngineSays(const DockerEngine& engine, std::vector<std::string> arguments) {
    const absl::StatusOr<ProcessResult> result = engine.Docker(std::move(arguments));
    EXPECT_OK(result);
    return result.ok() ? result->out : "";
  }
  // Returns when a step of a build runs `sleep`.
  static void AwaitContainer(const DockerEngine& engine) {
    for (int i = 0; i < 600; ++i) {
      if (absl::StrContains(EngineSays(engine, {"ps", "--no-trunc"}), "sleep 1000")) return;
      absl::SleepFor(absl::Milliseconds(100));
    }
    FAIL() << "no container was started";
  }
  // Nothing but the engine's cache of steps may be left of our builds.
  static void ExpectNothingLeft() {
    EXPECT_EQ(EngineSays(*engine_, {"ps", "--all", "--quiet"}), "");
    const std::string images =
        EngineSays(*engine_, {"images", "--format", "{{.Repository}}:{{.Tag}}"});
    EXPECT_THAT(images, Not(HasSubstr("stevedore")));
  }

  static DockerEngine* engine_;
  static absl::Status start_;
  std::unique_ptr<Project> project_;
};

DockerEngine* DockerDriverTest::engine_ = nullptr;
absl::Status DockerDriverTest::start_;

TEST_F(DockerDriverTest, BuildsAFamilyIntoALayout) {
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Outcome().states,
              AllOf(Contains(Pair("base:1.0", "built")), Contains(Pair("web:2.0", "built")),
                    Contains(Pair("site:3.0", "built"))));
  const std::string config = Config(LayoutImage("web:2.0"));
  EXPECT_THAT(config, HasSubstr(R"("team": "shop")"));
  EXPECT_THAT(config, HasSubstr("PATH=/bin"));
  EXPECT_EQ(Config(LayoutImage("web:stable")), config);
  ExpectNothingLeft();

  // The image runs, with what its arguments said.
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult copied,
      Process::Run(
          {.argv = {"skopeo", "copy", LayoutImage("site:3.0"),
                    absl::StrCat("docker-archive:", project_->Scratch("site.tar"), ":site:3")}}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EngineSays(*engine_, {"load", "--input", project_->Scratch("site.tar")});
  EXPECT_EQ(EngineSays(*engine_, {"run", "--rm", "--network", "none", "site:3", "cat", "/greeting",
                                  "/srv/page"}),
            "hello\n<h1>page</h1>\n");
  EngineSays(*engine_, {"rmi", "site:3"});
  // Built once, reused then.
  const ProcessResult again = project_->Cli(BuildToLayout({"base"}));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  for (const auto& [image, state] : Outcome().states) EXPECT_EQ(state, "reused") << image;
}

TEST_F(DockerDriverTest, TheEndOfALongOutputIsShown) {
  WriteImages("registry.test",
              Runs("talk",
                   "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; "
                   "printf '10%%\\r20%%\\rdone\\n\\033[91mlast\\033[0m'; exit 1"));
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  // All of it stays on this machine.
  const std::string id = project_->Outcome(project_->Scratch("metadata.json")).id;
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat("stevedore-cli logs ", id, " IMAGE")));
  const ProcessResult kept = project_->Cli({"logs", id, "talk:1"});
  EXPECT_EQ(kept.exit_code, 0) << kept.err;
  EXPECT_THAT(kept.out, AllOf(HasSubstr("\nline 0\nline 1\n"), HasSubstr("\nline 1999\n10%\n"),
                              HasSubstr("\nlast\n")));
  EXPECT_THAT(result.err, HasSubstr("| line 1999\n    | 10%\n    | 20%\n    | done\n    | last\n"));
}

TEST_F(DockerDriverTest, OutputIsOnTheScreenAsItComes) {
  WriteImages("registry.test", Runs("talk",
                                    "i=0; while [ $i -lt 2000 ]; do echo line $i; "
                                    "i=$((i+1)); done; echo now; sleep 1000"));
  std::vector<std::string> arguments = BuildToLayout({"base"});
  arguments.push_back("--logs");
  const std::unique_ptr<Process> cli = project_->StartCli(arguments);
  ASSERT_OK(cli->WaitForOutput("talk:1 | now\n"));
  const std::string output = cli->output();
  cli->Signal(SIGINT);
  size_t at = 0;
  for (int i = 0; i < 2000; ++i) {
    at = output.find(absl::StrCat("talk:1 | line ", i, "\n"), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 4);
}

TEST_F(DockerDriverTest, AFailingRunFailsTheImageItsChildrenAreSkippedAndSiblingsBuilt) {
  WriteImages("registry.test", Runs("broken", "echo before; echo the reason; exit 3") +
                                   Runs("child", "true", "", "broken: [\"1\"]"));
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.states.at("broken:1"), "failed");
  EXPECT_EQ(outcome.states.at("child:1"), "skipped");
  EXPECT_EQ(outcome.states.at("site:3.0"), "built");
  EXPECT_EQ(outcome.attempts.at("broken:1"), 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("returned a non-zero code: 3"), HasSubstr("| the reason"),
                                HasSubstr("RUN echo before")));
  ExpectNothingLeft();
}

TEST_F(DockerDriverTest, WhatIsWrongWithTheDockerfileIsSaidOnce) {
  WriteImages("registry.test", Runs("odd", "true"));
  project_->Write("odd/Dockerfile", "FROM scratch\nCOPPY a b\n");
  const ProcessResult result = project_->Cli(BuildToLayout({"odd", "base"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(Outcome().attempts.at("odd:1"), 1);
  EXPECT_THAT(result.err, HasSubstr("unknown instruction: COPPY"));
}

TEST_F(DockerDriverTest, CancelLeavesNothingRunning) {
  WriteImages("registry.test", Runs("long", "echo now it runs; sleep 1000"));
  const std::unique_ptr<Process> cli = project_->StartCli(BuildToLayout({"long", "base"}));
  AwaitContainer(*engine_);
  cli->Signal(SIGINT);
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 4) << cli->output();
  // At once: the program did not end before the engine's build had.
  ExpectNothingLeft();
}

TEST_F(DockerDriverTest, ABuildThatTakesTooLongFails) {
  WriteImages("registry.test", Runs("slow", "sleep 1000", ", timeout: 3s"));
  const ProcessResult result = project_->Cli(BuildToLayout({"slow", "base"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("took longer than its limit of 3s"));
  EXPECT_EQ(Outcome().attempts.at("slow:1"), 1);
  ExpectNothingLeft();
}

TEST_F(DockerDriverTest, ARunHasTheLimitsOfItsImage) {
  const std::string able =
      EngineSays(*engine_, {"info", "--format", "{{.MemoryLimit}} {{.CPUCfsQuota}}"});
  if (able != "true true\n") {
    GTEST_SKIP() << "this machine's control groups cannot limit memory and cores: " << able;
  }
  // Control groups of the second and of the first version.
  WriteImages("registry.test",
              Runs("small",
                   "cd /sys/fs/cgroup && if [ -e memory.max ]; then cat memory.max cpu.max; else "
                   "cat memory/memory.limit_in_bytes; "
                   "echo $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us); fi",
                   ", memory: 64m, cpus: 0.5"));
  const ProcessResult result = project_->Cli(BuildToLayout({"small", "base"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(project_->Cli({"logs", Outcome().id, "small:1"}).out,
              HasSubstr("\n67108864\n50000 100000\n"));
}

TEST_F(DockerDriverTest, KeptImagesHaveTheirNamesInTheEngine) {
  WriteImages("registry.test", Runs("kept", "true", ", keep_image: true"));
  const ProcessResult result = project_->Cli(BuildToLayout({"kept", "base"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(EngineSays(*engine_, {"images", "--quiet", "registry.test/test/kept:1"}), "");
  EngineSays(*engine_, {"rmi", "registry.test/test/kept:1"});
  ExpectNothingLeft();
}

// What a registry wants: tokens, or passwords over TLS.
class DockerDriverRegistryTest : public DockerDriverTest,
                                 public ::testing::WithParamInterface<RegistryOptions::Auth> {};

INSTANTIATE_TEST_SUITE_P(Kinds, DockerDriverRegistryTest,
                         ::testing::Values(RegistryOptions::Auth::kToken,
                                           RegistryOptions::Auth::kBasic));

TEST_P(DockerDriverRegistryTest, ThatWantsALogin) {
  const bool tls = GetParam() == RegistryOptions::Auth::kBasic;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry,
                       Registry::Start({.auth = GetParam(), .tls = tls}));
  WriteImages(registry->host());
  project_->Login(registry->host(), "alice", "wonderland");
  const auto build = [&](const std::string& image) {
    return project_->Cli(
        Build({image, "--push-after-build", "--insecure-registry", registry->host()}));
  };
  // web is built on the base of this very build, whose tag has not moved yet.
  const ProcessResult family = build("base");
  ASSERT_EQ(family.exit_code, 0) << family.err;
  EXPECT_THAT(Outcome().tags, Contains(Pair(registry->host() + "/test/site:3.0",
                                            Outcome().digests.at("site:3.0"))));

  // Not declared as a parent, and gone from the engine: it must log in by itself.
  EngineSays(*engine_, {"image", "prune", "--all", "--force"});
  project_->Write(
      "images.yaml",
      absl::StrCat("images:\n  private:\n    \"1\":\n      registry: ", registry->host(),
                   "\n      namespace: test\n      builder: {driver: docker, options: "
                   "{context: {path: private}, network: none, pull: true}}\n"));
  project_->Write("private/Dockerfile", absl::StrCat("FROM ", registry->host(),
                                                     "/test/web:2.0\nRUN grep hello /greeting\n"));
  const ProcessResult own = build("private");
  ASSERT_EQ(own.exit_code, 0) << own.err;
  EngineSays(*engine_, {"image", "prune", "--all", "--force"});
  project_->Login(registry->host(), "alice", "wrong");
  project_->Write("private/Dockerfile",
                  absl::StrCat("FROM ", registry->host(), "/test/web:2.0\nRUN true\n"));
  const ProcessResult refused = build("private");
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("log in to that registry"));
}

TEST_F(DockerDriverTest, ACoordinatorAndTwoWorkers) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start());
  ASSERT_OK(fleet->StartWorker("w1"));
  ASSERT_OK(fleet->StartWorker("w2"));
  WriteImages(fleet->registry(), Runs("broken", "echo the reason; exit 3"));
  const ProcessResult result = project_->Cli(
      {"submit", "base", "--build-on-cascade", "--coordinator", fleet->coordinator_address(),
       "--push-after-build", "--metadata-file", project_->Scratch("metadata.json")});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the reason"));
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.states.at("broken:1"), "failed");
  EXPECT_EQ(outcome.states.at("site:3.0"), "built");
  ExpectNothingLeft();
}

TEST_F(DockerDriverTest, NoEngine) {
  UseEngine("unix:///nonexistent/docker.sock");
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("unix:///nonexistent/docker.sock"),
                    HasSubstr("there is no such socket"), HasSubstr("systemctl start docker")));
}

TEST_F(DockerDriverTest, AnEngineBehindTls) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DockerEngine> engine,
                       DockerEngine::Start({.tls = true}));
  UseEngine(engine->tls_address());
  // Without certificates the engine is no use, and that is said.
  const ProcessResult plain = project_->Cli(BuildToLayout({"base"}));
  EXPECT_EQ(plain.exit_code, 3) << plain.err;
  EXPECT_THAT(plain.err, AllOf(HasSubstr(engine->tls_address()), HasSubstr("DOCKER_CERT_PATH")));
  setenv("DOCKER_TLS_VERIFY", "1", 1);
  setenv("DOCKER_CERT_PATH", engine->certificates().c_str(), 1);
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  unsetenv("DOCKER_TLS_VERIFY");
  unsetenv("DOCKER_CERT_PATH");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(DockerDriverTest, AnEngineThatDies) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DockerEngine> engine, DockerEngine::Start());
  UseEngine(engine->Address());
  WriteImages("registry.test", Runs("long", "echo now it runs; sleep 1000"));
  const std::unique_ptr<Process> cli = project_->StartCli(BuildToLayout({"long", "base"}));
  AwaitContainer(*engine);
  engine->process().Kill();
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait());
  EXPECT_EQ(exit_code, 3);
  EXPECT_THAT(cli->output(), HasSubstr(engine->Address()));
  EXPECT_THAT(cli->output(),
              AnyOf(HasSubstr("the engine stopped or was restarted"), HasSubstr("start it again")));
}

TEST_F(DockerDriverTest, AnEngineWhoseDiskIsFull) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DockerEngine> engine,
                       DockerEngine::Start({.disk_mib = 48}));
  UseEngine(engine->Address());
  WriteImages("registry.test", Runs("big", "head -c 100000000 /dev/zero > /big"));
  const ProcessResult result = project_->Cli(BuildToLayout({"base"}));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, AllOf(HasSubstr("o space left on device"), HasSubstr(engine->Address()),
                                HasSubstr("docker image prune")));
}

}  // namespace
}  // namespace stevedore::testing
