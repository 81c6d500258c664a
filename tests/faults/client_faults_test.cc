// Clients that die or change their mind, clients that want the same, and registries that refuse.

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "tests/faults/fault_test.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

// The id in "build 0123456789ab".
std::string IdIn(Process& cli) {
  EXPECT_OK(cli.WaitForOutput("running "));
  const std::string output = cli.output();
  const size_t at = output.find("build ");
  return at == std::string::npos ? "" : output.substr(at + 6, 12);
}

using RegistryFaultsTest = FaultTest;

class ClientFaultsTest : public FaultTest {
 protected:
  void SetUp() override { StartFleet({.lease = 3, .grace = 1, .orphan = 3, .proxy = true}); }
};

TEST_F(ClientFaultsTest, KilledItsBuildIsCancelled) {
  WriteSleepers({{"first", "", "300s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  const std::string id = IdIn(*cli);
  cli->Kill();
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(ShowBuild(id), "nobody watches it"); }))
      << ShowBuild(id);
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(ShowBuild(id), "cancelled first:1") ||
           absl::StrContains(ShowBuild(id), "1 cancelled");
  })) << ShowBuild(id);
  EXPECT_EQ(TagMoves("first"), 0);
}

TEST_F(ClientFaultsTest, DetachedItsBuildGoesOn) {
  WriteSleepers({{"first", "", "6s"}});
  StartWorkers({"w1"});
  const std::string id = SubmitDetached("first");
  EXPECT_TRUE(Eventually([&] { return TagMoves("first") == 1; })) << ShowBuild(id) << Voices();
  const ProcessResult watched =
      project_->Cli({"watch", id, "--coordinator", fleet_->coordinator_address()});
  EXPECT_EQ(watched.exit_code, 0) << watched.err;
}

TEST_F(ClientFaultsTest, CancelStopsARunningBuildAndFreesItsWorker) {
  WriteSleepers({{"first", "", "300s"}, {"other", "", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  AwaitRunning(*cli, "first");
  EXPECT_EQ(project_->Cli({"cancel", IdIn(*cli), "--coordinator", fleet_->coordinator_address()})
                .exit_code,
            0);
  ExpectEnd(*cli, 4, absl::Seconds(20));
  EXPECT_EQ(Outcome().states.at("first:1"), "cancelled");
  const std::unique_ptr<Process> other = Submit("other", "other");
  ExpectEnd(*other, 0);
  EXPECT_EQ(TagMoves("first"), 0);
}

TEST_F(ClientFaultsTest, TwoBuildsOfOneGraphShareTheirRuns) {
  WriteSleepers({{"first", "", "3s"}, {"second", "first", "1s"}, {"third", "first", "1s"}});
  StartWorkers({"w1", "w2"});
  const std::unique_ptr<Process> one = Submit("first", "one");
  AwaitRunning(*one, "first");
  const std::unique_ptr<Process> two = Submit("first", "two");
  ExpectEnd(*one, 0);
  ExpectEnd(*two, 0);
  EXPECT_EQ(Outcome("one").digests, Outcome("two").digests);
  ExpectPublished(Outcome("two"), 3);
  for (const char* image : {"first", "second", "third"}) {
    EXPECT_EQ(fleet_->proxy().RequestCount(absl::StrCat("PUT /v2/", image, "/manifests/sha256")), 1)
        << image;
    EXPECT_EQ(TagMoves(image), 1) << image;
    EXPECT_EQ(Outcome("two").states.at(absl::StrCat(image, ":1")), "reused") << image;
  }
}

TEST_F(ClientFaultsTest, TheFirstOfTwoDiesAndTheSecondGetsItsRun) {
  WriteSleepers({{"first", "", "6s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> one = Submit("first", "one");
  AwaitRunning(*one, "first");
  const std::unique_ptr<Process> two = Submit("first", "two");
  AwaitRunning(*two, "first");
  one->Signal(SIGINT);
  ExpectEnd(*one, 4);
  ExpectEnd(*two, 0);
  EXPECT_EQ(Outcome("two").attempts.at("first:1"), 1);
  ExpectPublished(Outcome("two"), 2);
}

TEST_F(RegistryFaultsTest, BusyOrBrokenItIsAskedAgainInsideTheRun) {
  WriteSleepers({{"first", "", "0s"}, {"second", "first", "0s"}});
  FaultyProxy& proxy = fleet_->proxy();
  proxy.Add({.method = "PUT",
             .path = "/v2/first/manifests/sha256",
             .status = 429,
             .headers = {{"Retry-After", "2"}}});
  proxy.Add({.method = "PUT", .path = "/v2/first/blobs/uploads/", .times = 2, .status = 500});
  proxy.Add({.method = "POST", .path = "/v2/second/blobs/uploads/", .status = 503});
  proxy.Add({.method = "PUT", .path = "/v2/second/manifests/1", .status = 500});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  ExpectEnd(*cli, 0);
  EXPECT_EQ(proxy.pending_count(), 0);
  const BuildOutcome outcome = Outcome();
  EXPECT_EQ(outcome.attempts.at("first:1"), 1) << Voices();
  EXPECT_EQ(outcome.attempts.at("second:1"), 1);
  ExpectPublished(outcome, 2);
}

TEST_F(RegistryFaultsTest, AResultThatVanishedIsBuiltAgain) {
  WriteSleepers({{"first", "", "0s"}, {"second", "first", "0s"}});
  StartWorkers({"w1"});
  const std::unique_ptr<Process> cli = Submit("first");
  ExpectEnd(*cli, 0);
  // Trusted for minutes, but when the tag moves the registry says otherwise, once.
  fleet_->proxy().Add({.method = "GET", .path = "/v2/second/manifests/sha256", .status = 404});
  fleet_->proxy().Add({.method = "HEAD", .path = "/v2/second/manifests/1", .status = 404});
  fleet_->proxy().Add({.method = "HEAD", .path = "/v2/second/manifests/1", .status = 404});
  const std::unique_ptr<Process> again = Submit("first", "again");
  ExpectEnd(*again, 0);
  EXPECT_EQ(Outcome("again").states.at("second:1"), "built") << again->output();
  ExpectPublished(Outcome("again"), 2);
}

}  // namespace
}  // namespace stevedore::testing
