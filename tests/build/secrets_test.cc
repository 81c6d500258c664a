// Credentials in a fleet: workers' own, and those that come sealed with a build. Whatever the
// programs write, no secret stands in it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/plaintext_search.h"
#include "tests/harness/process.h"
#include "tests/harness/redis.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kRegistryPassword[] = "registry-Q7fXz2LmVn91";
constexpr char kOtherPassword[] = "elsewhere-9hRtK4wPzu33";
constexpr char kStoreKey[] = "key-of-the-project-Xo20sVb8";
constexpr char kWorkerKey[] = "key-of-the-worker-Mt61yLq5";
constexpr char kWorkerPassword[] = "unused-by-the-build-Jd47cEw";
// No secret: must be found.
constexpr char kMarker[] = "<h1>a marker that is no secret 8841</h1>";

constexpr char kSlow[] = R"(images:
  first:
    "1":
      registry: REGISTRY
      builder: {driver: sleep, options: {duration: 4s}}
  second:
    "1":
      registry: REGISTRY
      parents: {first: ["1"]}
      builder: {driver: sleep, options: {duration: 1s}}
)";

class SecretsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    ASSERT_OK_AND_ASSIGN(const std::string known, MakeKey("queue.key"));
    public_key_ = known;
    FleetOptions options{.lease = 8, .grace = 2};
    options.registry.auth = RegistryOptions::Auth::kBasic;
    options.registry.username = "ci";
    options.registry.password = kRegistryPassword;
    options.coordinator_flags = {"--sealing-public-key", project_->Scratch("queue.key.pub")};
    ASSERT_OK_AND_ASSIGN(fleet_, Fleet::Start(options));
    project_->WriteGraph(fleet_->registry());
    project_->Write("services/site/page.html", kMarker);
  }

  ProcessOptions CliOptions(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
    ProcessOptions options;
    options.argv = std::move(arguments);
    options.working_directory = project_->Path("");
    options.environment = {{"HOME", project_->Scratch("home")},
                           {"XDG_CACHE_HOME", project_->Scratch("cache")},
                           {"DOCKER_CONFIG", project_->Scratch("home/.docker")},
                           {"USER", "tester"},
                           {"STEVEDORE_CREDENTIALS_ENCRYPTION_KEY", kStoreKey}};
    options.input = input;
    return options;
  }
  ProcessResult Cli(const std::vector<std::string>& arguments, const std::string& input = "") {
    const auto result = Process::Run(CliOptions(arguments, input));
    EXPECT_OK(result);
    if (!result.ok()) return {-1, "", ""};
    said_ += absl::StrCat(result->out, result->err);
    return *result;
  }
  // A key pair in the scratch folder; returns the public half.
  absl::StatusOr<std::string> MakeKey(const std::string& name) {
    const ProcessResult result = Cli({"create", "sealing-key", project_->Scratch(name)});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return std::string(absl::StripAsciiWhitespace(result.out));
  }
  void StoreLogin(const std::string& registry, const std::string& user,
                  const std::string& password) {
    const ProcessResult result =
        Cli({"create", "credentials", registry, "--username", user, "--password-stdin"}, password);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  std::vector<std::string> Submit(const std::string& image,
                                  const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"submit",
                                          image,
                                          "--build-on-cascade",
                                          "--coordinator",
                                          fleet_->coordinator_address(),
                                          "--push-after-build",
                                          "--progress",
                                          "plain",
                                          "--metadata-file",
                                          project_->Scratch("metadata.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // Submits, looking at all command lines meanwhile.
  int SubmitAndLook(const std::vector<std::string>& arguments, PlaintextSearch* search) {
    const auto cli = Process::Start(CliOptions(arguments));
    EXPECT_OK(cli);
    if (!cli.ok()) return -1;
    while ((*cli)->running()) {
      search->AddCommandLines();
      absl::SleepFor(absl::Milliseconds(50));
    }
    said_ += (*cli)->output();
    return (*cli)->Wait().value_or(-1);
  }
  // Everything that programs wrote, here and in the fleet.
  void AddAll(PlaintextSearch* search) {
    // Redis writes all it knows, short texts uncompressed.
    EXPECT_OK(fleet_->redis().Cli({"CONFIG", "SET", "rdbcompression", "no"}));
    EXPECT_OK(fleet_->redis().Cli({"SAVE"}));
    search->AddFiles(std::filesystem::path(fleet_->redis().socket()).parent_path().string());
    search->AddFiles(fleet_->directory());
    search->AddFiles(fleet_->real_registry().data_directory());
    search->AddFiles(project_->Path(""));
    search->AddFiles(project_->Scratch(""));
    search->AddText("the command line's output", said_);
    search->AddText("the coordinator's output", fleet_->coordinator().output());
    search->AddText("Redis' output", fleet_->redis().process().output());
    search->AddText("the registry's output", fleet_->real_registry().process().output());
    for (const std::string& worker : workers_) {
      search->AddText(absl::StrCat("output of ", worker), fleet_->worker(worker).output());
    }
  }
  void StartWorker(const std::string& name, const std::vector<std::string>& flags,
                   const std::map<std::string, std::string>& environment = {}) {
    ASSERT_OK(fleet_->StartWorker(name, flags, environment));
    workers_.push_back(name);
  }
  // That the search sees every kind of place, so that finding nothing means something.
  void ExpectSearchWorks(const PlaintextSearch& search) {
    EXPECT_THAT(search.Find("site:1.0"),
                AllOf(Contains(HasSubstr("appendonly")), Contains(HasSubstr("dump.rdb")),
                      Contains("the command line's output")));
    EXPECT_THAT(search.Find("--redis"), Contains(HasSubstr("/cmdline")));
    EXPECT_THAT(search.Find("--sealing-key"), Contains(HasSubstr("/cmdline")));
    EXPECT_THAT(search.Find(kMarker), AllOf(Contains(HasSubstr("/docker/registry/v2/blobs/")),
                                            Contains(HasSubstr("page.html"))));
    EXPECT_THAT(search.Find("worker started"), Contains(HasSubstr("output of w1")));
    EXPECT_THAT(search.Find("leading the queue"), Contains("the coordinator's output"));
    EXPECT_THAT(search.Find("/v2/test/web/manifests/"), Contains("the registry's output"));
  }

  std::unique_ptr<Project> project_;
  std::unique_ptr<Fleet> fleet_;
  std::string public_key_;
  std::vector<std::string> workers_;
  std::string said_;
};

TEST_F(SecretsTest, ASealedBuildLeavesNoSecretAnywhere) {
  StoreLogin(fleet_->registry(), "ci", kRegistryPassword);
  StoreLogin("other.test:5000", "robot", kOtherPassword);
  StartWorker("w1", {"--sealing-key", project_->Scratch("queue.key")});
  StartWorker("w2", {"--sealing-key", project_->Scratch("queue.key")});
  PlaintextSearch search;
  const int exit_code = SubmitAndLook(
      Submit("base", {"--seal-credentials", "--also-seal", "other.test:5000/base"}), &search);
  ASSERT_EQ(exit_code, 0) << said_ << fleet_->worker("w1").output();
  EXPECT_THAT(said_, HasSubstr("sealed credentials for 6 repositories"));
  AddAll(&search);
  ExpectSearchWorks(search);
  for (const char* secret : {kRegistryPassword, kOtherPassword, kStoreKey}) {
    EXPECT_THAT(search.Find(secret), IsEmpty()) << secret;
  }
  // The private half is in its file, and nowhere else.
  ASSERT_OK_AND_ASSIGN(const std::string key, base::ReadFile(project_->Scratch("queue.key")));
  EXPECT_THAT(search.Find(absl::StripAsciiWhitespace(key.substr(key.rfind(':') + 1))),
              ::testing::ElementsAre(project_->Scratch("queue.key")));
  // The ciphertext was in the ledger, and went with the build.
  EXPECT_THAT(search.Find("stevedore-sealed:1:"), Contains(HasSubstr("appendonly")));
  EXPECT_THAT(search.Find("stevedore-sealed:1:"), Not(Contains(HasSubstr("dump.rdb"))));

  // What was searched for would have been found: a login in base64, in a worker's cache.
  project_->Login("r", "ci", kRegistryPassword);
  PlaintextSearch control;
  control.AddFiles(std::filesystem::path(project_->Path("")).parent_path().parent_path().string());
  EXPECT_THAT(control.Find(kRegistryPassword), Contains(HasSubstr("config.json")));
}

TEST_F(SecretsTest, AWorkersOwnStoreLeavesNoSecretAnywhere) {
  StoreLogin(fleet_->registry(), "ci", kRegistryPassword);
  // The worker's store has a key of its own.
  const std::string store = project_->Scratch("worker-store");
  for (const auto& [registry, password] : std::map<std::string, std::string>{
           {fleet_->registry(), kRegistryPassword}, {"other.test:5000", kWorkerPassword}}) {
    ProcessOptions options = CliOptions({"create", "credentials", registry, "--username", "ci",
                                         "--password-stdin", "--local-storage-path", store},
                                        password);
    options.environment["STEVEDORE_CREDENTIALS_ENCRYPTION_KEY"] = kWorkerKey;
    ASSERT_OK_AND_ASSIGN(const ProcessResult created, Process::Run(options));
    ASSERT_EQ(created.exit_code, 0) << created.err;
  }
  // Outside of what is searched: it is the one place where the key may stand.
  ASSERT_OK_AND_ASSIGN(const auto keys, base::TemporaryDirectory::Create());
  ASSERT_OK(base::WriteFileAtomically(keys.path() + "/key", kWorkerKey, 0600));
  StartWorker("w1", {"--credentials-local-storage-path", store, "--credentials-encryption-key-file",
                     keys.path() + "/key", "--sealing-key", project_->Scratch("queue.key")});
  StartWorker("w2", {"--credentials-local-storage-path", store},
              {{"STEVEDORE_CREDENTIALS_ENCRYPTION_KEY", kWorkerKey}});
  PlaintextSearch search;
  ASSERT_EQ(SubmitAndLook(Submit("base"), &search), 0) << said_ << fleet_->worker("w1").output();
  AddAll(&search);
  ExpectSearchWorks(search);
  for (const char* secret : {kRegistryPassword, kWorkerPassword, kStoreKey, kWorkerKey}) {
    EXPECT_THAT(search.Find(secret), IsEmpty()) << secret;
  }
}

TEST_F(SecretsTest, WithoutCredentialsTheErrorSaysWho) {
  StoreLogin(fleet_->registry(), "ci", kRegistryPassword);
  // A worker that has the store of another key: never anonymous.
  StartWorker("w1", {"--credentials-local-storage-path", project_->Path("credentials")},
              {{"STEVEDORE_CREDENTIALS_ENCRYPTION_KEY", kWorkerKey}});
  ProcessResult result = Cli(Submit("lone"));
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("local credential store"), HasSubstr("id `127.0.0.1:"),
                                HasSubstr("credentials.encryption_key")));

  // The same worker has no key to open sealed ones with.
  result = Cli(Submit("lone", {"--seal-credentials", "--no-cache"}));
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("sealed to key"), HasSubstr("there is none"),
                                HasSubstr("--sealing-key")));
  EXPECT_EQ(project_->Outcome(project_->Scratch("metadata.json")).attempts.at("lone:1"), 3);
}

TEST_F(SecretsTest, AKeyIsRotatedWithoutAPause) {
  StoreLogin(fleet_->registry(), "ci", kRegistryPassword);
  ASSERT_OK_AND_ASSIGN(const std::string next, MakeKey("next.key"));
  EXPECT_NE(next, public_key_);
  StartWorker("w1", {"--sealing-key", project_->Scratch("queue.key"), "--sealing-key",
                     project_->Scratch("next.key")});
  ProcessResult result = Cli(Submit("lone", {"--seal-credentials"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  result = Cli(Submit("lone", {"--seal-credentials", "--no-cache", "--sealing-public-key",
                               project_->Scratch("next.key.pub")}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const ProcessResult shown = Cli({"get", "sealing-key", project_->Scratch("next.key")});
  EXPECT_EQ(absl::StripAsciiWhitespace(shown.out), next);
  const std::string id(absl::StripAsciiWhitespace(shown.err.substr(shown.err.rfind(' '))));
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat("to key ", id)));
  EXPECT_THAT(fleet_->worker("w1").output(), HasSubstr(id));
}

TEST_F(SecretsTest, SealedCredentialsOutliveAKilledCoordinator) {
  StoreLogin(fleet_->registry(), "ci", kRegistryPassword);
  project_->Write("images.yaml", absl::StrReplaceAll(kSlow, {{"REGISTRY", fleet_->registry()}}));
  StartWorker("w1", {"--sealing-key", project_->Scratch("queue.key")});
  ASSERT_OK_AND_ASSIGN(const auto cli,
                       Process::Start(CliOptions(Submit("first", {"--seal-credentials"}))));
  ASSERT_OK(cli->WaitForOutput("running first:1 on w1"));
  fleet_->coordinator().Kill();
  // The worker dies too: what goes on has only what the ledger holds.
  fleet_->worker("w1").Kill();
  ASSERT_OK(fleet_->StartCoordinator());
  StartWorker("w2", {"--sealing-key", project_->Scratch("queue.key")});
  ASSERT_OK_AND_ASSIGN(const int exit_code, cli->Wait(absl::Seconds(100)));
  EXPECT_EQ(exit_code, 0) << cli->output() << fleet_->worker("w2").output();
  const BuildOutcome outcome = project_->Outcome(project_->Scratch("metadata.json"));
  EXPECT_EQ(outcome.workers.at("second:1"), "w2");
  EXPECT_EQ(outcome.tags.size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::string keys, fleet_->redis().Cli({"--scan"}));
  EXPECT_THAT(keys, HasSubstr("}build:"));
}

TEST_F(SecretsTest, SealingNeedsAKeyAndCredentials) {
  // Nothing to seal: the workers' own count.
  StartWorker("w1", {"--sealing-key", project_->Scratch("queue.key")});
  ProcessResult result =
      Cli(Submit("lone", {"--seal-credentials", "--also-seal", "other.test:5000"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("other.test:5000"), HasSubstr("create credentials")));
  result = Cli(Submit(
      "lone", {"--seal-credentials", "--sealing-public-key", project_->Scratch("queue.key")}));
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("private half"), HasSubstr("queue.key")));
  result = Cli({"create", "sealing-key", project_->Scratch("queue.key")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("exists already"));
  ASSERT_OK_AND_ASSIGN(const std::string key, base::ReadFile(project_->Scratch("queue.key.pub")));
  EXPECT_EQ(absl::StripAsciiWhitespace(key), public_key_);
}

}  // namespace
}  // namespace stevedore::testing
