// What every driver owes to its caller, asked of each of them with the real thing behind it.

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/registry_client.h"
#include "worker/drivers/drivers.h"
#include "worker/executor.h"
#include "worker/publish.h"
#include "worker/registry_provider.h"

namespace stevedore::testing {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::Duration kSoon = absl::Seconds(60);

// Seconds that no other test on this machine sleeps: two of them may run at once.
std::string LongTime() { return absl::StrCat(200000 + getpid()); }

// What one driver can do of what the tests ask.
struct Subject {
  const char* driver;
  // Writes the argument GREETING where the test finds it.
  bool takes_arguments = false;
  // Runs commands of the user's, which have output and take their time.
  bool runs_commands = false;
  // In one line of such output; BuildKit clips at a rate of its own.
  size_t long_line_bytes = 1 << 20;
  bool needs_context = true;
};

constexpr Subject kSubjects[] = {
    {.driver = "assemble"},
    {.driver = "native", .takes_arguments = true},
    {.driver = "docker", .takes_arguments = true, .runs_commands = true},
    {.driver = "buildkit",
     .takes_arguments = true,
     .runs_commands = true,
     .long_line_bytes = 64 << 10},
    {.driver = "ansible-playbook",
     .takes_arguments = true,
     .runs_commands = true,
     .needs_context = false},
    {.driver = "sleep", .needs_context = false},
};

// All that the tests of one shard share.
struct Suite {
  base::TemporaryDirectory directory = base::TemporaryDirectory::Create().value();
  std::unique_ptr<DockerEngine> engine;
  std::unique_ptr<Registry> registry;
  http::Client http;
  credentials::MemoryCredentialStore credentials;
  base::MemoryBudget budget{256 << 20};
  std::unique_ptr<transfer::RegistryClient> client;
  std::unique_ptr<worker::RegistryProvider> provider;
  worker::DriverSet drivers;
  std::string busybox;
};

std::vector<std::string> ProcessesOfTheTest() {
  std::vector<std::string> found;
  DIR* const proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    int64_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const auto line = base::ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (line.ok() &&
        absl::StrContains(*line, absl::StrCat("sleep", std::string(1, '\0'), LongTime()))) {
      found.push_back(entry->d_name);
    }
  }
  closedir(proc);
  return found;
}

class DriverContract : public ::testing::TestWithParam<Subject> {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    start_ = engine.status();
    if (!engine.ok()) return;
    suite_ = new Suite;
    suite_->engine = *std::move(engine);
    setenv("DOCKER_HOST", suite_->engine->Address().c_str(), 1);
    setenv("HOME", suite_->directory.path().c_str(), 1);
    ASSERT_OK_AND_ASSIGN(suite_->registry, Registry::Start());
    ASSERT_OK_AND_ASSIGN(suite_->busybox, base::ReadFile("/bin/busybox"));
    suite_->client = std::make_unique<transfer::RegistryClient>(&suite_->http, &suite_->credentials,
                                                                transfer::RegistryClientOptions());
    suite_->provider = std::make_unique<worker::RegistryProvider>(suite_->client.get());
    suite_->drivers = worker::CreateDrivers({.budget = &suite_->budget,
                                             .threads = 2,
                                             .cache_directory = suite_->directory.path() + "/cache",
                                             .repositories = suite_->provider.get(),
                                             .registries = suite_->provider.get(),
                                             .credentials = &suite_->credentials,
                                             .scratch_directory = suite_->directory.path() + "/s"});
  }
  static void TearDownTestSuite() {
    if (suite_ != nullptr) suite_->drivers.clear();
    delete suite_;
    suite_ = nullptr;
  }
  void SetUp() override {
    if (absl::IsFailedPrecondition(start_)) GTEST_SKIP() << start_.message();
    ASSERT_OK(start_);
    const std::string reference = absl::StrCat(suite_->registry->host(), "/test/", driver(), ":1");
    request_.id = absl::StrCat(driver(), ":1");
    request_.reference = reference;
    request_.source = "images/contract.yaml:7";
    request_.facts.name = driver();
    request_.facts.version = "1";
    request_.facts.registry = suite_->registry->host();
    request_.facts.name_space = "test";
    request_.facts.to_registry = true;
    request_.platform = oci::Platform::Host();
    request_.labels = {{"kind", "contract"}};
    request_.arguments = {{"GREETING", "hello there"}};
    request_.log = [this](absl::string_view line) {
      base::MutexLock lock(&mu_);
      log_.emplace_back(line);
    };
    ASSERT_OK_AND_ASSIGN(reference_, oci::Reference::Parse(reference));
    ASSERT_OK_AND_ASSIGN(target_, suite_->provider->Open(reference_));
    request_.output = target_.sink.get();
  }

  std::string driver() const { return GetParam().driver; }
  bool IsDockerfile() const {
    return driver() == "native" || driver() == "docker" || driver() == "buildkit";
  }

  // The recipe of a small image that does `commands` (shell) on its way, if the driver runs any.
  void Prepare(const std::string& commands, Json options = Json::object()) {
    std::vector<context::MemoryTree::Item> items = {
        {.path = "busybox", .content = suite_->busybox, .mode = 0755},
        {.path = "file", .content = "content\n"}};
    if (driver() == "assemble") {
      options["layers"] = Json::array({{{"from", "file"}, {"to", "/srv/file"}}});
    } else if (driver() == "sleep") {
      options["duration"] = commands.empty() ? 0 : 1000;
    } else if (driver() == "ansible-playbook") {
      PreparePlaybook(commands, &options, &items);
    } else {
      items.push_back({.path = "Dockerfile", .content = Dockerfile(commands)});
      if (driver() != "native") options["network"] = "none";
    }
    request_.options_json = options.dump();
    if (!GetParam().needs_context && driver() == "sleep") return;
    request_.context = *context::MemoryTree::Create(std::move(items));
  }

  std::string Dockerfile(const std::string& commands) const {
    std::string text =
        "FROM scratch\nARG GREETING\nCOPY busybox /bin/busybox\nENV PATH=/bin SAID=$GREETING\n"
        "COPY file /srv/file\n";
    if (!commands.empty() && GetParam().runs_commands) {
      absl::StrAppend(&text, "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n",
                      "RUN [\"/bin/sh\", \"-c\", ", Json(commands).dump(), "]\n");
    }
    return text;
  }

  void PreparePlaybook(const std::string& commands, Json* options,
                       std::vector<context::MemoryTree::Item>* items) const {
    const std::string layout = suite_->directory.path() + "/made-" + std::to_string(++made_);
    // `raw` shows its output as it is only when told; a script of its own writes to ansible's.
    std::string text = absl::StrCat(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - debug: {msg: \"said {{ GREETING }}\"}\n");
    if (!commands.empty()) {
      absl::StrAppend(&text, "    - command:\n        argv: [\"busybox\", \"sh\", \"-c\", ",
                      Json(commands).dump(), "]\n      register: out\n",
                      "    - debug: {var: out.stdout_lines}\n");
    }
    const std::string image = layout + ":seed";
    const std::vector<std::vector<std::string>> commands_to_push = {
        {"umoci", "init", "--layout", layout},
        {"umoci", "new", "--image", image},
        {"umoci", "insert", "--rootless", "--image", image, "file", "/srv/file"},
        {"umoci", "config", "--image", image, "--config.label", "kind={{ image_labels.kind }}",
         "--config.env", "SAID={{ GREETING }}"},
        {"skopeo", "copy", "--dest-tls-verify=false", "oci:" + image,
         "docker://{{ image_fully_qualified_name }}"}};
    for (const std::vector<std::string>& command : commands_to_push) {
      absl::StrAppend(&text, "    - command: ", Json({{"argv", command}}).dump(), "\n");
    }
    items->push_back({.path = "site.yml", .content = text});
    options->update({{"playbook", "site.yml"},
                     {"inventory", "localhost,"},
                     {"connection_local", true},
                     {"automatic",
                      {{"own", {{"image_fully_qualified_name", request_.reference}}},
                       {"labels_name", "image_labels"}}}});
  }

  absl::StatusOr<worker::BuiltImage> Build(std::stop_token stop = {}) {
    return suite_->drivers.at(driver())->Build(request_, stop);
  }

  std::string Log() {
    base::MutexLock lock(&mu_);
    return absl::StrJoin(log_, "\n");
  }
  std::string LogAsOneLine() {
    base::MutexLock lock(&mu_);
    return absl::StrJoin(log_, "");
  }

  // Nothing of the build may run any more when Build has returned.
  void ExpectNothingRuns() {
    // What got SIGKILL may take a moment to go on a busy machine.
    for (int i = 0; i < 100 && !ProcessesOfTheTest().empty(); ++i) {
      absl::SleepFor(absl::Milliseconds(50));
    }
    EXPECT_TRUE(ProcessesOfTheTest().empty());
    const auto containers = suite_->engine->Docker({"ps", "--all", "--quiet"});
    ASSERT_OK(containers);
    EXPECT_EQ(containers->out, "");
  }

  static Suite* suite_;
  static absl::Status start_;
  static int made_;
  worker::BuildRequest request_;
  oci::Reference reference_;
  worker::Repository target_;
  base::Mutex mu_;
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
};

Suite* DriverContract::suite_ = nullptr;
absl::Status DriverContract::start_;
int DriverContract::made_ = 0;

// Those that run commands of the user's owe more.
class CommandContract : public DriverContract {};

TEST_P(DriverContract, ConfigAndLayersOfTheResultVerify) {
  Prepare("");
  ASSERT_OK_AND_ASSIGN(const worker::BuiltImage built, Build());
  worker::RunMonitor monitor;
  ASSERT_OK(worker::Publish(built, target_, built.other_places, monitor, {}));
  const oci::Manifest& manifest = built.image.manifest;
  EXPECT_EQ(oci::Digest::Of(built.image.config.bytes()), manifest.config().digest);
  EXPECT_EQ(built.image.config.diff_ids().size(), manifest.layers().size());
  EXPECT_TRUE(built.image.config.platform().Satisfies(request_.platform));
  EXPECT_EQ(manifest.layers().empty(), driver() == "sleep");
  // The registry's copy, whose bytes are verified while they are read.
  for (const oci::Descriptor& layer : manifest.layers()) {
    ASSERT_OK_AND_ASSIGN(const auto blob, target_.source->OpenBlob(layer));
    EXPECT_OK(base::ReadAll(*blob, 64 << 20));
  }
  ASSERT_OK_AND_ASSIGN(const auto raw, target_.source->GetManifest(manifest.digest().ToString()));
  EXPECT_EQ(raw.bytes, manifest.bytes());
}

TEST_P(DriverContract, LabelsAndArgumentsArrive) {
  Prepare("");
  ASSERT_OK_AND_ASSIGN(const worker::BuiltImage built, Build());
  EXPECT_THAT(built.image.config.bytes(), HasSubstr("\"kind\":\"contract\""));
  if (GetParam().takes_arguments) {
    EXPECT_THAT(built.image.config.bytes(), HasSubstr("SAID=hello there"));
  }
}

TEST_P(DriverContract, CancelIsAnsweredSoonAndLeavesNothing) {
  Prepare(absl::StrCat("exec sleep ", LongTime()));
  std::stop_source stop;
  // Who runs nothing long is stopped before it begins: it may be done before any other moment.
  const bool is_long = GetParam().runs_commands || driver() == "sleep";
  absl::Time asked = absl::Now();
  if (!is_long) stop.request_stop();
  std::jthread canceller([&] {
    for (int i = 0; i < 1200 && GetParam().runs_commands && ProcessesOfTheTest().empty(); ++i) {
      absl::SleepFor(absl::Milliseconds(50));
    }
    asked = absl::Now();
    stop.request_stop();
  });
  EXPECT_THAT(Build(stop.get_token()), StatusIs(absl::StatusCode::kCancelled)) << Log();
  canceller.join();
  EXPECT_LT(absl::Now() - asked, kSoon);
  ExpectNothingRuns();
}

TEST_P(DriverContract, BadOptionsAreNamedWithTheirPlace) {
  Prepare("");
  Json options = Json::parse(request_.options_json);
  options["no_such_option"] = "x";
  request_.options_json = options.dump();
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no_such_option")));
}

TEST_P(DriverContract, AMissingContextIsNamed) {
  Prepare("");
  request_.context = nullptr;
  if (driver() == "sleep") {
    EXPECT_OK(Build());
    return;
  }
  const absl::Status status = Build().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status) || absl::IsNotFound(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("context"));
}

TEST_P(CommandContract, OutputIsInOrderAndNotClipped) {
  const size_t bytes = GetParam().long_line_bytes;
  Prepare(
      absl::StrCat("i=0; while [ $i -lt 300 ]; do echo line-$i; i=$((i+1)); done; "
                   "head -c ",
                   bytes, " /dev/zero | tr '\\000' x; echo; echo the-end"));
  const auto built = Build();
  ASSERT_OK(built) << Log();
  const std::string log = Log();
  size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    at = log.find(absl::StrCat("line-", i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(LogAsOneLine().find(std::string(bytes, 'x')), std::string::npos);
  EXPECT_NE(log.find("the-end", at), std::string::npos);
}

TEST_P(CommandContract, AFailingCommandIsTheUsers) {
  Prepare("echo the reason; exit 3");
  const absl::Status status = Build().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("the reason"));
  ExpectNothingRuns();
}

TEST_P(CommandContract, TheTimeLimitEndsTheBuild) {
  Prepare(absl::StrCat("exec sleep ", LongTime()), {{"timeout", "6s"}});
  const absl::Time start = absl::Now();
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("limit of 6s")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(6) + kSoon);
  ExpectNothingRuns();
}

std::string NameOf(const ::testing::TestParamInfo<Subject>& info) {
  return absl::StrReplaceAll(info.param.driver, {{"-", ""}});
}

std::vector<Subject> ThoseWithCommands() {
  std::vector<Subject> subjects(std::begin(kSubjects), std::end(kSubjects));
  std::erase_if(subjects, [](const Subject& subject) { return !subject.runs_commands; });
  return subjects;
}

INSTANTIATE_TEST_SUITE_P(Drivers, DriverContract, ::testing::ValuesIn(kSubjects), NameOf);
INSTANTIATE_TEST_SUITE_P(Drivers, CommandContract, ::testing::ValuesIn(ThoseWithCommands()),
                         NameOf);

TEST(DriverNoneTest, SaysWhoMakesTheImage) {
  const worker::DriverSet drivers = worker::CreateDrivers({});
  worker::BuildRequest request;
  request.id = "base:1";
  request.reference = "registry.test/base:1";
  request.source = "images/base.yaml:3";
  EXPECT_THAT(drivers.at("none")->Build(request, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("images/base.yaml:3: image base:1 has no builder")));
  EXPECT_EQ(drivers.count("dry-run"), 0);
}

}  // namespace
}  // namespace stevedore::testing
