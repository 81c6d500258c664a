// What tests of faults share: a fleet behind a faulty proxy, slow images, and patience.

#ifndef STEVEDORE_TESTS_FAULTS_FAULT_TEST_H_
#define STEVEDORE_TESTS_FAULTS_FAULT_TEST_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// Asks `condition` again and again until it holds. False after `limit`.
bool Eventually(const std::function<bool()>& condition, absl::Duration limit = absl::Seconds(30));

// An image of driver `sleep`, version 1. Plain data.
struct Sleeper {
  std::string name;
  std::string parent;    // Empty: none.
  std::string duration;  // "2s".
};

// A project, a registry behind a proxy that counts and breaks, Redis, a coordinator with short
// leases; no worker yet. Not thread-safe.
class FaultTest : public ::testing::Test {
 protected:
  void SetUp() override { StartFleet({.lease = 3, .grace = 1, .orphan = 60, .proxy = true}); }
  // In place of the ordinary one.
  void StartFleet(FleetOptions options);
  void StartWorkers(const std::vector<std::string>& names);

  void WriteSleepers(const std::vector<Sleeper>& sleepers);
  // `submit IMAGE --build-on-cascade --push-after-build`, with metadata under the name `as`.
  std::unique_ptr<Process> Submit(const std::string& image, const std::string& as = "metadata",
                                  std::vector<std::string> more = {});
  // `submit --detach`; returns the build's id.
  std::string SubmitDetached(const std::string& image);
  // Waits for the end of such a CLI; fails the test if the exit code is another one.
  void ExpectEnd(Process& cli, int exit_code, absl::Duration limit = absl::Seconds(90));
  BuildOutcome Outcome(const std::string& as = "metadata");
  // What `builds ID` says.
  std::string ShowBuild(const std::string& id);
  // How often a task of that build was begun so far, by `builds ID --output json`.
  int AttemptsAt(const std::string& id, const std::string& image);
  // "w1" after "running IMAGE on w1", once the CLI says so.
  std::string AwaitRunning(Process& cli, const std::string& image);
  // How often somebody made the tag of IMAGE:1 name something.
  int TagMoves(const std::string& image) const;
  // Every tag of the outcome names in the registry what the outcome says, and there are `count`.
  void ExpectPublished(const BuildOutcome& outcome, size_t count);
  // What all programs said, for failure messages.
  std::string Voices();

  std::unique_ptr<Project> project_;
  std::unique_ptr<Fleet> fleet_;
  std::vector<std::string> workers_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_FAULTS_FAULT_TEST_H_
