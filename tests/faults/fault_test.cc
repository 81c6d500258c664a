#include "tests/faults/fault_test.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/testing/status_matchers.h"

namespace stevedore::testing {

using ::stevedore::base::testing::IsOkAndHolds;

bool Eventually(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(20));  // The pace of asking, not a wait for anything.
  }
  return true;
}

void FaultTest::StartFleet(FleetOptions options) {
  ASSERT_OK_AND_ASSIGN(project_, Project::Create());
  ASSERT_OK_AND_ASSIGN(fleet_, Fleet::Start(options));
}

void FaultTest::StartWorkers(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ASSERT_OK(fleet_->StartWorker(name));
    workers_.push_back(name);
  }
}

void FaultTest::WriteSleepers(const std::vector<Sleeper>& sleepers) {
  std::string text = "images:\n";
  for (const Sleeper& sleeper : sleepers) {
    absl::StrAppend(&text, "  ", sleeper.name, ":\n    \"1\":\n      registry: \"",
                    fleet_->registry(), "\"\n");
    if (!sleeper.parent.empty()) {
      absl::StrAppend(&text, "      parents: {", sleeper.parent, ": [\"1\"]}\n");
    }
    absl::StrAppend(&text, "      builder: {driver: sleep, options: {duration: ", sleeper.duration,
                    "}}\n");
  }
  project_->Write("images.yaml", text);
}

std::unique_ptr<Process> FaultTest::Submit(const std::string& image, const std::string& as,
                                           std::vector<std::string> more) {
  std::vector<std::string> arguments = {"submit",
                                        image,
                                        "--build-on-cascade",
                                        "--coordinator",
                                        fleet_->coordinator_address(),
                                        "--push-after-build",
                                        "--progress",
                                        "plain",
                                        "--metadata-file",
                                        project_->Scratch(as + ".json")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return project_->StartCli(std::move(arguments));
}

std::string FaultTest::SubmitDetached(const std::string& image) {
  const ProcessResult result =
      project_->Cli({"submit", image, "--build-on-cascade", "--push-after-build", "--detach",
                     "--coordinator", fleet_->coordinator_address()});
  EXPECT_EQ(result.exit_code, 0) << result.err << Voices();
  return std::string(absl::StripAsciiWhitespace(result.out));
}

void FaultTest::ExpectEnd(Process& cli, int exit_code, absl::Duration limit) {
  EXPECT_THAT(cli.Wait(limit), IsOkAndHolds(exit_code)) << cli.output() << Voices();
}

BuildOutcome FaultTest::Outcome(const std::string& as) {
  return project_->Outcome(project_->Scratch(as + ".json"));
}

std::string FaultTest::ShowBuild(const std::string& id) {
  const ProcessResult result =
      project_->Cli({"builds", id, "--coordinator", fleet_->coordinator_address()});
  return absl::StrCat(result.out, result.err);
}

int FaultTest::AttemptsAt(const std::string& id, const std::string& image) {
  const ProcessResult result = project_->Cli(
      {"builds", id, "--output", "json", "--coordinator", fleet_->coordinator_address()});
  const auto build = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(build.is_object()) << result.out << result.err;
  if (!build.is_object()) return 0;
  for (const nlohmann::json& task : build.value("tasks", nlohmann::json::array())) {
    if (task.value("image", "") == image) return task.value("attempts", 0);
  }
  return 0;
}

std::string FaultTest::AwaitRunning(Process& cli, const std::string& image) {
  const std::string text = absl::StrCat("running ", image, ":1 on ");
  EXPECT_OK(cli.WaitForOutput(text + "w")) << Voices();
  const std::string output = cli.output();
  const size_t at = output.find(text);
  return at == std::string::npos ? workers_.front() : output.substr(at + text.size(), 2);
}

int FaultTest::TagMoves(const std::string& image) const {
  return fleet_->proxy().RequestCount(absl::StrCat("PUT /v2/", image, "/manifests/1"));
}

void FaultTest::ExpectPublished(const BuildOutcome& outcome, size_t count) {
  EXPECT_EQ(outcome.tags.size(), count);
  for (const auto& [reference, digest] : outcome.tags) {
    EXPECT_THAT(fleet_->DigestOf(reference), IsOkAndHolds(digest)) << reference;
  }
}

std::string FaultTest::Voices() {
  std::string text = absl::StrCat("\n--- coordinator\n", fleet_->coordinator().output());
  for (const std::string& name : workers_) {
    absl::StrAppend(&text, "--- ", name, "\n", fleet_->worker(name).output());
  }
  return text;
}

}  // namespace stevedore::testing
