// The client against daemons that fail: what they do when they are well is tested with real ones in
// tests/drivers.

#include "worker/drivers/buildkit/client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"
#include "control.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

namespace wire = ::moby::buildkit::v1;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A daemon on a socket of its own whose builds are `solve`.
class Daemon final : public wire::Control::Service {
 public:
  using SolveFunction = std::function<grpc::Status(grpc::ServerContext&, wire::SolveResponse*)>;

  explicit Daemon(SolveFunction solve)
      : folder_(*base::TemporaryDirectory::Create("/tmp/bk.")), solve_(std::move(solve)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + Path(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Daemon() override {
    over_ = true;
    server_->Shutdown(std::chrono::system_clock::now());
  }

  grpc::Status Solve(grpc::ServerContext* context, const wire::SolveRequest* request,
                     wire::SolveResponse* response) override {
    reference = request->ref();
    return solve_(*context, response);
  }
  grpc::Status Status(grpc::ServerContext* context, const wire::StatusRequest* /*request*/,
                      grpc::ServerWriter<wire::StatusResponse>* writer) override {
    if (speaks) {
      wire::StatusResponse response;
      response.add_vertexes()->set_digest("step");
      writer->Write(response);
      heard = true;
    }
    while (!over_ && !build_ended && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    if (context->IsCancelled()) status_was_cancelled = true;
    return grpc::Status::OK;
  }
  grpc::Status Session(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<wire::BytesMessage, wire::BytesMessage>* stream) override {
    wire::BytesMessage message;
    while (stream->Read(&message)) {
    }
    return grpc::Status::OK;
  }

  std::string Path() const { return base::JoinPath(folder_.path(), "s"); }

  absl::StatusOr<std::map<std::string, std::string>> Run(
      const worker::Solve& solve = {}, std::stop_token stop = {},
      const BuildkitClient::OnStatus& on_status = [](const auto&) {}) {
    ASSIGN_OR_RETURN(const auto address,
                     BuildkitAddress::FromEnvironment({{"BUILDKIT_HOST", "unix://" + Path()}}));
    ASSIGN_OR_RETURN(const auto client, BuildkitClient::Create(*address));
    ASSIGN_OR_RETURN(const auto session, worker::Session::Start({}));
    return client->Run(solve, *session, on_status, std::move(stop));
  }

  std::string reference;
  std::atomic<bool> speaks = true, heard = false, build_ended = false, status_was_cancelled = false;

 private:
  const base::TemporaryDirectory folder_;
  const SolveFunction solve_;
  std::atomic<bool> over_ = false;
  std::unique_ptr<grpc::Server> server_;
};

TEST(BuildkitClientTest, WhatTheExporterSaysComesBack) {
  Daemon* self = nullptr;
  Daemon daemon([&self](grpc::ServerContext&, wire::SolveResponse* response) {
    (*response->mutable_exporter_response())["containerimage.digest"] = "sha256:1";
    self->build_ended = true;
    return grpc::Status::OK;
  });
  self = &daemon;
  const auto answer = daemon.Run();
  ASSERT_OK(answer);
  EXPECT_EQ(answer->at("containerimage.digest"), "sha256:1");
  EXPECT_EQ(daemon.reference.size(), 32U);
}

TEST(BuildkitClientTest, AfterAStopItWaitsUntilTheBuildHasEnded) {
  Daemon* self = nullptr;
  std::stop_source stop;
  std::atomic<bool> ended = false;
  std::thread cleaner;
  Daemon daemon([&](grpc::ServerContext& context, wire::SolveResponse*) {
    while (!self->heard) absl::SleepFor(absl::Milliseconds(2));
    stop.request_stop();
    while (!context.IsCancelled()) absl::SleepFor(absl::Milliseconds(2));
    // Containers are killed after the call is gone.
    cleaner = std::thread([&] {
      absl::SleepFor(absl::Milliseconds(300));
      ended = true;
      self->build_ended = true;
    });
    return grpc::Status(grpc::StatusCode::CANCELLED, "context canceled");
  });
  self = &daemon;
  EXPECT_THAT(daemon.Run({}, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("was cancelled")));
  EXPECT_TRUE(ended);
  EXPECT_FALSE(daemon.status_was_cancelled);
  cleaner.join();
}

TEST(BuildkitClientTest, ABuildThatNeverBeganIsNotWaitedFor) {
  Daemon daemon([](grpc::ServerContext&, wire::SolveResponse*) {
    return grpc::Status(grpc::StatusCode::UNKNOWN, "failed to solve: no such frontend");
  });
  daemon.speaks = false;
  const absl::Time before = absl::Now();
  EXPECT_THAT(daemon.Run(), StatusIs(absl::StatusCode::kFailedPrecondition, "no such frontend"));
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
}

TEST(BuildkitClientTest, ATimeout) {
  Daemon* self = nullptr;
  Daemon daemon([&self](grpc::ServerContext& context, wire::SolveResponse*) {
    while (!context.IsCancelled()) absl::SleepFor(absl::Milliseconds(2));
    self->build_ended = true;
    return grpc::Status(grpc::StatusCode::CANCELLED, "context canceled");
  });
  self = &daemon;
  Solve solve;
  solve.timeout = absl::Milliseconds(300);
  EXPECT_THAT(daemon.Run(solve), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(BuildkitClientTest, FailuresAreClassedAndNameTheDaemon) {
  struct Case {
    grpc::StatusCode code;
    std::string words;
    absl::StatusCode expected;
    std::string message;
  };
  for (const Case& c : std::vector<Case>{
           {grpc::StatusCode::UNIMPLEMENTED, "unknown service", absl::StatusCode::kUnavailable,
            "it is too old"},
           {grpc::StatusCode::UNAVAILABLE, "transport is closing", absl::StatusCode::kUnavailable,
            "went away: transport is closing; see that it runs"},
           {grpc::StatusCode::RESOURCE_EXHAUSTED, "too large", absl::StatusCode::kResourceExhausted,
            "too large"},
           {grpc::StatusCode::UNKNOWN, "failed to solve: write: no space left on device",
            absl::StatusCode::kResourceExhausted, "free space there (`docker builder prune`)"},
           {grpc::StatusCode::INVALID_ARGUMENT, "bad", absl::StatusCode::kInvalidArgument, "bad"},
           {grpc::StatusCode::UNKNOWN, "failed to solve: exit code: 3",
            absl::StatusCode::kFailedPrecondition, "exit code: 3"},
       }) {
    Daemon daemon(
        [&c](grpc::ServerContext&, wire::SolveResponse*) { return grpc::Status(c.code, c.words); });
    daemon.build_ended = true;
    EXPECT_THAT(daemon.Run(), StatusIs(c.expected, HasSubstr(c.message))) << c.words;
  }
}

TEST(BuildkitClientTest, NobodyThere) {
  const auto address = BuildkitAddress::FromEnvironment({{"BUILDKIT_HOST", "unix:///none/s"}});
  ASSERT_OK(address);
  const auto client = BuildkitClient::Create(**address);
  ASSERT_OK(client);
  const auto session = Session::Start({});
  ASSERT_OK(session);
  EXPECT_THAT(
      (*client)->Run({}, **session, [](const auto&) {}, {}),
      StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("unix:///none/s does not answer"),
                                                     HasSubstr("BUILDKIT_HOST is right"))));
}

}  // namespace
}  // namespace stevedore::worker
