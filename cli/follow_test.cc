#include "cli/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One watch stream: what it sends, then how it ends.
struct Script {
  std::vector<v1::WatchBuildResponse> responses;
  absl::Status end;
  bool wait_for_stop = false;
};

// A coordinator that follows a script. Thread-safe.
class FakeBuildClient final : public BuildClient {
 public:
  std::deque<Script> watches;
  std::deque<absl::Status> submit_answers;
  absl::Status cancel_answer;
  std::vector<std::string> seen;  // Calls with what matters of their arguments.

  std::string name() const override { return "fake coordinator"; }
  absl::StatusOr<v1::GetServerResponse> GetServer() override { return v1::GetServerResponse(); }
  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(const coordinator::Submission&) override {
    return v1::PlanBuildResponse();
  }
  absl::StatusOr<v1::SubmitBuildResponse> SubmitBuild(
      const coordinator::Submission& submission) override {
    seen.push_back("submit " + submission.header.request_id());
    if (!submit_answers.empty()) {
      const absl::Status status = submit_answers.front();
      submit_answers.pop_front();
      if (!status.ok()) return status;
    }
    v1::SubmitBuildResponse response;
    response.set_build_id("b2");
    return response;
  }
  absl::Status WatchBuild(const std::string& build_id, const std::string& resume_id,
                          absl::FunctionRef<void(const v1::WatchBuildResponse&)> receive,
                          std::stop_token stop) override {
    seen.push_back("watch " + build_id + " " + resume_id);
    if (watches.empty()) return absl::UnavailableError("script over");
    const Script script = watches.front();
    watches.pop_front();
    for (const v1::WatchBuildResponse& response : script.responses) receive(response);
    if (script.wait_for_stop) {
      base::Mutex mu;
      base::CondVar changed;
      bool stopped = false;
      const std::stop_callback on_stop(stop, [&] {
        base::MutexLock lock(&mu);
        stopped = true;
        changed.SignalAll();
      });
      base::MutexLock lock(&mu);
      while (!stopped) changed.Wait(&mu);
      return absl::CancelledError("");
    }
    return script.end;
  }
  absl::StatusOr<v1::GetBuildResponse> GetBuild(const std::string&) override {
    return absl::NotFoundError("");
  }
  absl::StatusOr<std::vector<v1::BuildStatus>> ListBuilds(int) override {
    return std::vector<v1::BuildStatus>();
  }
  absl::StatusOr<v1::CancelBuildResponse> CancelBuild(const std::string& build_id,
                                                      const std::string&) override {
    seen.push_back("cancel " + build_id);
    if (!cancel_answer.ok()) return cancel_answer;
    return v1::CancelBuildResponse();
  }
  absl::Status TailLog(const std::string&, const std::string&, const std::string&, int64_t,
                       absl::FunctionRef<void(const v1::TailLogResponse&)>,
                       std::stop_token) override {
    return absl::OkStatus();
  }
};

v1::WatchBuildResponse Response(const std::string& resume_id, v1::BuildState state,
                                int64_t term = 1) {
  v1::WatchBuildResponse response;
  response.set_resume_id(resume_id);
  response.set_term(term);
  response.mutable_build()->set_build_id("b1");
  response.mutable_build()->set_state(state);
  return response;
}

FollowOptions Quick() {
  FollowOptions options;
  options.first_retry = options.longest_retry = absl::Milliseconds(1);
  options.wait_for_server = absl::Minutes(1);
  return options;
}

coordinator::Submission Request() {
  coordinator::Submission submission;
  submission.header.set_request_id("r1");
  return submission;
}

TEST(FollowTest, BrokenStreamIsTakenUpWhereItBroke) {
  FakeBuildClient client;
  client.watches = {{{Response("1", v1::BUILD_STATE_RUNNING)}, absl::UnavailableError("gone")},
                    {{}, absl::UnavailableError("still gone")},
                    {{Response("2", v1::BUILD_STATE_SUCCEEDED)}, absl::OkStatus()}};
  ASSERT_OK_AND_ASSIGN(const BuildView build, Follow(client, "b1", nullptr, Quick(), nullptr, {}));
  EXPECT_EQ(build.state, BuildView::State::kSucceeded);
  EXPECT_THAT(client.seen, ElementsAre("watch b1 ", "watch b1 1", "watch b1 1"));
}

TEST(FollowTest, ForgottenBuildIsSubmittedAgainWithTheSameRequestId) {
  FakeBuildClient client;
  client.watches = {{{Response("1", v1::BUILD_STATE_RUNNING)}, absl::UnavailableError("gone")},
                    {{}, absl::NotFoundError("no such build")},
                    {{Response("1", v1::BUILD_STATE_SUCCEEDED)}, absl::OkStatus()}};
  const coordinator::Submission submission = Request();
  ASSERT_OK(Follow(client, "b1", &submission, Quick(), nullptr, {}));
  EXPECT_THAT(client.seen, ElementsAre("watch b1 ", "watch b1 1", "submit r1", "watch b2 "));
}

TEST(FollowTest, UnknownBuildOfSomebodyElseIsAnError) {
  FakeBuildClient client;
  client.watches = {{{}, absl::NotFoundError("no build b9")}};
  EXPECT_THAT(Follow(client, "b9", nullptr, Quick(), nullptr, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("b9")));
}

TEST(FollowTest, DeposedLeaderIsNotBelieved) {
  FakeBuildClient client;
  client.watches = {{{Response("1", v1::BUILD_STATE_RUNNING, 5)}, absl::UnavailableError("")},
                    {{Response("9", v1::BUILD_STATE_FAILED, 4)}, absl::OkStatus()},
                    {{Response("2", v1::BUILD_STATE_SUCCEEDED, 6)}, absl::OkStatus()}};
  ASSERT_OK_AND_ASSIGN(const BuildView build, Follow(client, "b1", nullptr, Quick(), nullptr, {}));
  EXPECT_EQ(build.state, BuildView::State::kSucceeded);
}

TEST(FollowTest, CoordinatorThatStaysAwayIsGivenUpWithARemedy) {
  FakeBuildClient client;
  FollowOptions options = Quick();
  options.wait_for_server = absl::ZeroDuration();
  EXPECT_THAT(Follow(client, "b1", nullptr, options, nullptr, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--wait-for-server")));
}

TEST(FollowTest, StopCancelsAndWaitsForTheEnd) {
  FakeBuildClient client;
  client.watches = {{{Response("1", v1::BUILD_STATE_RUNNING)}, absl::OkStatus(), true},
                    {{Response("2", v1::BUILD_STATE_CANCELLED)}, absl::OkStatus()}};
  std::stop_source stop;
  stop.request_stop();
  ASSERT_OK_AND_ASSIGN(const BuildView build,
                       Follow(client, "b1", nullptr, Quick(), nullptr, stop.get_token()));
  EXPECT_EQ(build.state, BuildView::State::kCancelled);
  EXPECT_EQ(ExitCodeOf(build), ExitCode::kCancelled);
  EXPECT_THAT(client.seen, ElementsAre("watch b1 ", "cancel b1", "watch b1 1"));
}

TEST(FollowTest, OnlookersDoNotCancel) {
  FakeBuildClient client;
  client.watches = {{{Response("1", v1::BUILD_STATE_RUNNING)}, absl::OkStatus(), true}};
  std::stop_source stop;
  stop.request_stop();
  FollowOptions options = Quick();
  options.cancel_on_stop = false;
  EXPECT_THAT(Follow(client, "b1", nullptr, options, nullptr, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("goes on")));
  EXPECT_THAT(client.seen, ElementsAre("watch b1 "));
}

TEST(SubmitTest, IsRepeatedWhileTheCoordinatorIsAway) {
  FakeBuildClient client;
  client.submit_answers = {absl::UnavailableError(""), absl::UnavailableError("")};
  EXPECT_THAT(SubmitWithPatience(client, Request(), Quick(), nullptr, {}),
              base::testing::IsOkAndHolds("b2"));
  client.submit_answers = {absl::InvalidArgumentError("cycle")};
  EXPECT_THAT(SubmitWithPatience(client, Request(), Quick(), nullptr, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::cli
