#include "cli/embedded_build_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/queue.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;

// A queue without a worker: builds wait until they are cancelled.
class EmbeddedBuildClientTest : public ::testing::Test {
 protected:
  EmbeddedBuildClientTest()
      : queue_(Options(), std::make_unique<coordinator::MemoryLedger>()),
        client_(CreateEmbeddedBuildClient(&queue_)) {
    queue_.Start();
    EXPECT_OK(queue_.AwaitLeadership(absl::Seconds(30)));
  }
  static coordinator::QueueOptions Options() {
    coordinator::QueueOptions options;
    options.takeover = absl::ZeroDuration();
    return options;
  }
  static coordinator::Submission Request() {
    coordinator::Submission submission;
    submission.header.set_request_id("r1");
    v1::Image image;
    image.set_id("web:1");
    image.set_reference("r.test/web:1");
    image.add_platforms("linux/amd64");
    image.set_driver("sleep");
    image.set_options_json(R"({"duration":"1s"})");
    submission.images.push_back(image);
    return submission;
  }

  coordinator::Queue queue_;
  std::unique_ptr<BuildClient> client_;
};

TEST_F(EmbeddedBuildClientTest, BuildIsSubmittedWatchedAndCancelled) {
  ASSERT_OK_AND_ASSIGN(const v1::SubmitBuildResponse submitted, client_->SubmitBuild(Request()));
  const std::string id = submitted.build_id();
  ASSERT_OK_AND_ASSIGN(const v1::SubmitBuildResponse again, client_->SubmitBuild(Request()));
  EXPECT_EQ(again.build_id(), id);
  ASSERT_OK_AND_ASSIGN(const v1::GetBuildResponse build, client_->GetBuild(id));
  EXPECT_EQ(build.tasks_size(), 1);
  ASSERT_OK_AND_ASSIGN(const auto builds, client_->ListBuilds(10));
  EXPECT_EQ(builds.size(), 1);

  std::stop_source stop;
  const absl::Status left = client_->WatchBuild(
      id, "", [&](const v1::WatchBuildResponse&) { stop.request_stop(); }, stop.get_token());
  EXPECT_THAT(left, StatusIs(absl::StatusCode::kCancelled));

  ASSERT_OK(client_->CancelBuild(id, "test"));
  v1::BuildState state = v1::BUILD_STATE_UNSPECIFIED;
  EXPECT_OK(client_->WatchBuild(id, "",
                                [&](const v1::WatchBuildResponse& response) {
                                  if (response.has_build()) state = response.build().state();
                                },
                                {}));
  EXPECT_EQ(state, v1::BUILD_STATE_CANCELLED);
}

TEST_F(EmbeddedBuildClientTest, UnknownBuildIsNotFound) {
  EXPECT_THAT(client_->GetBuild("nothing"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(client_->WatchBuild("nothing", "", [](const v1::WatchBuildResponse&) {}, {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(EmbeddedBuildClientTest, PlansWithoutSubmitting) {
  ASSERT_OK_AND_ASSIGN(const v1::PlanBuildResponse plan, client_->PlanBuild(Request()));
  ASSERT_EQ(plan.tasks_size(), 1);
  EXPECT_EQ(plan.tasks(0).action(), v1::PlanBuildResponse::Task::ACTION_BUILD);
  ASSERT_OK_AND_ASSIGN(const auto builds, client_->ListBuilds(10));
  EXPECT_TRUE(builds.empty());
}

}  // namespace
}  // namespace stevedore::cli
