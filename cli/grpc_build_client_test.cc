#include "cli/grpc_build_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.grpc.pb.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// A coordinator that counts what it is sent; a standby if it has a `leader`.
class FakeCoordinator final : public v1::BuildService::Service {
 public:
  FakeCoordinator() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  std::string leader;
  int part_count = 0;
  int image_count = 0;

 private:
  grpc::Status GetServer(grpc::ServerContext* context, const v1::GetServerRequest*,
                         v1::GetServerResponse* response) override {
    if (!leader.empty()) {
      context->AddTrailingMetadata("stevedore-leader", leader);
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not the leader");
    }
    response->set_artifact_repository("r/a");
    return grpc::Status::OK;
  }
  grpc::Status SubmitBuild(grpc::ServerContext*, grpc::ServerReader<v1::SubmitBuildRequest>* reader,
                           v1::SubmitBuildResponse* response) override {
    v1::SubmitBuildRequest part;
    while (reader->Read(&part)) {
      ++part_count;
      image_count += part.images().images_size();
    }
    if (part.commit().image_count() != image_count) {
      return grpc::Status(grpc::StatusCode::ABORTED, "incomplete");
    }
    response->set_build_id("b1");
    return grpc::Status::OK;
  }
  grpc::Status WatchBuild(grpc::ServerContext* context, const v1::WatchBuildRequest* request,
                          grpc::ServerWriter<v1::WatchBuildResponse>* writer) override {
    if (request->build_id() != "b1") return grpc::Status(grpc::StatusCode::NOT_FOUND, "none");
    v1::WatchBuildResponse response;
    response.set_resume_id("1");
    writer->Write(response);
    // As a build that runs on: until the client leaves.
    while (!context->IsCancelled()) absl::SleepFor(absl::Milliseconds(1));
    return grpc::Status::CANCELLED;
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST(GrpcBuildClientTest, FollowsAStandbyToItsLeader) {
  FakeCoordinator leader, standby;
  standby.leader = leader.address();
  const auto client = ConnectToCoordinator(standby.address());
  EXPECT_THAT(client->GetServer(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(client->GetServer());
}

TEST(GrpcBuildClientTest, LargeSubmissionsTravelInParts) {
  FakeCoordinator server;
  coordinator::Submission submission;
  for (int i = 0; i < 5; ++i) {
    v1::Image image;
    image.set_options_json(std::string(600'000, 'x'));
    submission.images.push_back(image);
  }
  const auto client = ConnectToCoordinator(server.address());
  ASSERT_OK(client->SubmitBuild(submission));
  EXPECT_EQ(server.image_count, 5);
  EXPECT_EQ(server.part_count, 5);  // Header, two and two and one image, commit.
}

TEST(GrpcBuildClientTest, WatchingStopsAtOnce) {
  FakeCoordinator server;
  const auto client = ConnectToCoordinator(server.address());
  std::stop_source stop;
  EXPECT_THAT(
      client->WatchBuild(
          "b1", "", [&](const v1::WatchBuildResponse&) { stop.request_stop(); }, stop.get_token()),
      StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(client->WatchBuild("b2", "", [](const v1::WatchBuildResponse&) {}, {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(GrpcBuildClientTest, NobodyThereIsUnavailableAndNamesTheAddress) {
  const auto client = ConnectToCoordinator("127.0.0.1:1");
  EXPECT_THAT(client->GetServer(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

}  // namespace
}  // namespace stevedore::cli
