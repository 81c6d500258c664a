#include "worker/grpc_sync_channel.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "stevedore/v1/worker_service.grpc.pb.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/sync_channel.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;

// A coordinator that answers at once, refuses as a standby, or never answers.
class FakeCoordinator final : public v1::WorkerService::Service {
 public:
  FakeCoordinator() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeCoordinator() override { server_->Shutdown(std::chrono::system_clock::now()); }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  grpc::Status Sync(grpc::ServerContext* context, const v1::SyncRequest* request,
                    v1::SyncResponse* response) override {
    base::MutexLock lock(&mu_);
    ++calls_;
    if (!leader.empty()) {
      context->AddTrailingMetadata("stevedore-leader", leader);
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "standby");
    }
    while (silent && !context->IsCancelled()) changed_.WaitFor(&mu_, absl::Milliseconds(5));
    response->set_term(request->seq());
    return grpc::Status::OK;
  }
  grpc::Status AppendLog(grpc::ServerContext*, grpc::ServerReader<v1::AppendLogRequest>* reader,
                         v1::AppendLogResponse*) override {
    v1::AppendLogRequest piece;
    while (reader->Read(&piece)) {
      base::MutexLock lock(&mu_);
      log += piece.data();
    }
    return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "expected 7");
  }

  // Set before the first call.
  std::string leader;
  bool silent = false;
  std::string log;

 private:
  int port_ = 0;
  base::Mutex mu_;
  base::CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Waits for one result.
template <typename T>
class Waiting {
 public:
  void Set(T value) {
    base::MutexLock lock(&mu_);
    value_ = std::make_unique<T>(std::move(value));
    changed_.SignalAll();
  }
  T Get() {
    base::MutexLock lock(&mu_);
    while (value_ == nullptr) changed_.Wait(&mu_);
    return std::move(*value_);
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  std::unique_ptr<T> value_;
};

using Response = absl::StatusOr<std::unique_ptr<v1::SyncResponse>>;

Response Sync(GrpcSyncChannel& channel, int64_t seq, absl::Duration timeout = absl::Seconds(10)) {
  v1::SyncRequest request;
  request.set_seq(seq);
  Waiting<Response> response;
  channel.Sync(request, timeout, [&](Response r) { response.Set(std::move(r)); });
  return response.Get();
}

TEST(GrpcSyncChannelTest, CarriesSyncAndLogs) {
  FakeCoordinator coordinator;
  ASSERT_OK_AND_ASSIGN(const auto channel, GrpcSyncChannel::Create({coordinator.address()}));
  ASSERT_OK_AND_ASSIGN(const auto response, Sync(*channel, 42));
  EXPECT_EQ(response->term(), 42);
  v1::AppendLogRequest piece;
  piece.set_data("hello");
  Waiting<absl::Status> appended;
  channel->AppendLog(piece, [&](absl::Status status) { appended.Set(std::move(status)); });
  EXPECT_THAT(appended.Get(),
              StatusIs(absl::StatusCode::kOutOfRange, ::testing::HasSubstr("expected 7")));
  EXPECT_EQ(coordinator.log, "hello");
}

TEST(GrpcSyncChannelTest, FollowsAStandbyToTheLeader) {
  FakeCoordinator leader;
  FakeCoordinator standby;
  standby.leader = leader.address();
  ASSERT_OK_AND_ASSIGN(const auto channel, GrpcSyncChannel::Create({standby.address()}));
  EXPECT_THAT(Sync(*channel, 1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(channel->address(), leader.address());
  EXPECT_OK(Sync(*channel, 2));
}

TEST(GrpcSyncChannelTest, TriesTheNextAddressWhenOneIsDown) {
  FakeCoordinator coordinator;
  std::string gone;
  {
    FakeCoordinator short_lived;
    gone = short_lived.address();
  }
  ASSERT_OK_AND_ASSIGN(const auto channel, GrpcSyncChannel::Create({gone, coordinator.address()}));
  EXPECT_THAT(Sync(*channel, 1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(Sync(*channel, 2));
}

TEST(GrpcSyncChannelTest, SilenceEndsAtTheDeadlineAndDestructionEndsCalls) {
  FakeCoordinator coordinator;
  coordinator.silent = true;
  ASSERT_OK_AND_ASSIGN(auto channel, GrpcSyncChannel::Create({coordinator.address()}));
  EXPECT_THAT(Sync(*channel, 1, absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  Waiting<Response> response;
  channel->Sync(v1::SyncRequest(), absl::Hours(1), [&](Response r) { response.Set(std::move(r)); });
  channel.reset();
  EXPECT_THAT(response.Get(), StatusIs(absl::StatusCode::kCancelled));
}

TEST(GrpcSyncChannelTest, NeedsAnAddress) {
  EXPECT_THAT(GrpcSyncChannel::Create({""}),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("host:port")));
}

}  // namespace
}  // namespace stevedore::worker
