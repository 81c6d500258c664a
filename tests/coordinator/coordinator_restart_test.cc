// A real coordinator on a real Redis, killed and started again.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "stevedore/v1/build_service.grpc.pb.h"
#include "stevedore/v1/worker_service.grpc.pb.h"
#include "tests/harness/process.h"
#include "tests/harness/redis.h"

namespace stevedore {
namespace {

using stevedore::testing::Process;
using stevedore::testing::Redis;
using ::testing::HasSubstr;
using ::testing::Not;

void SetDeadline(grpc::ClientContext& context) {
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

// One coordinator process with stubs to it.
struct Coordinator {
  explicit Coordinator(const Redis& redis, const std::string& folder) {
    const std::string file = folder + "/address";
    (void)base::RemoveTree(file);
    auto started =
        Process::Start({.argv = {"coordinator/stevedore-coordinator", "--listen", "127.0.0.1:0",
                                 "--address-file", file, "--redis", redis.Address(), "--takeover",
                                 "0.5", "--artifact-repository", "localhost:1/artifacts"}});
    EXPECT_OK(started);
    process = *std::move(started);
    EXPECT_OK(process->WaitForOutput("leading the queue"));
    auto address = base::ReadFile(file);
    EXPECT_OK(address);
    channel = grpc::CreateChannel(std::string(absl::StripAsciiWhitespace(*address)),
                                  grpc::InsecureChannelCredentials());
    builds = v1::BuildService::NewStub(channel);
    workers = v1::WorkerService::NewStub(channel);
  }

  std::string Submit(const std::string& request_id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitBuildResponse response;
    auto stream = builds->SubmitBuild(&context, &response);
    v1::SubmitBuildRequest part;
    part.mutable_header()->set_request_id(request_id);
    part.mutable_header()->set_detach(true);
    part.mutable_header()->set_push_tags(true);
    stream->Write(part);
    for (const char* name : {"a", "b"}) {
      v1::Image* image = part.mutable_images()->add_images();
      image->set_id(name);
      image->set_reference(absl::StrCat("localhost:1/", name, ":1"));
      image->set_driver("sleep");
      image->add_platforms("linux/amd64");
      if (image->id() == "b") image->add_parents("a");
    }
    stream->Write(part);
    part.mutable_commit()->set_image_count(2);
    stream->Write(part);
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.build_id();
  }

  v1::SyncResponse Sync(const v1::SyncRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SyncResponse response;
    const grpc::Status status = workers->Sync(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // All tasks and the build at the first answer of a watch from `resume_id`.
  v1::WatchBuildResponse Watch(const std::string& build, const std::string& resume_id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::WatchBuildRequest request;
    request.set_build_id(build);
    request.set_resume_id(resume_id);
    auto stream = builds->WatchBuild(&context, request);
    v1::WatchBuildResponse response;
    EXPECT_TRUE(stream->Read(&response));
    context.TryCancel();
    return response;
  }

  std::unique_ptr<Process> process;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::BuildService::Stub> builds;
  std::unique_ptr<v1::WorkerService::Stub> workers;
};

v1::SyncRequest Idle(int64_t seq) {
  v1::SyncRequest request;
  request.set_worker_id("w-random");
  request.set_worker_name("w");
  request.set_seq(seq);
  request.set_free_slots(1);
  request.set_slots(1);
  request.add_platforms("linux/amd64");
  return request;
}

void Report(v1::SyncRequest* request, const v1::Assignment& assignment, const std::string& digest) {
  v1::RunReport* report = request->add_runs();
  report->set_run_id(assignment.run_id());
  *report->mutable_attempt() = assignment.attempt();
  if (digest.empty()) {
    request->set_free_slots(0);
    return;
  }
  report->mutable_outcome()->set_kind(v1::Outcome::KIND_SUCCEEDED);
  if (assignment.has_build()) report->mutable_outcome()->mutable_result()->set_digest(digest);
}

TEST(CoordinatorRestartTest, KilledAndStartedAgainItGoesOnWithoutBurningAnAttempt) {
  ASSERT_OK_AND_ASSIGN(const auto folder, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Redis> redis, Redis::Start());
  auto coordinator = std::make_unique<Coordinator>(*redis, folder.path());
  const std::string build = coordinator->Submit("r1");
  const v1::SyncResponse first = coordinator->Sync(Idle(1));
  ASSERT_EQ(first.assignments_size(), 1);
  EXPECT_EQ(first.assignments(0).build().image().id(), "a");
  EXPECT_THAT(redis->Cli({"ZRANGE", "{q}leases", "0", "-1", "WITHSCORES"}),
              base::testing::IsOkAndHolds(HasSubstr(first.assignments(0).run_id())));
  const std::string resume = coordinator->Watch(build, "").resume_id();

  coordinator->process->Kill();
  coordinator = std::make_unique<Coordinator>(*redis, folder.path());
  EXPECT_EQ(coordinator->Submit("r1"), build) << "the request is remembered";
  const v1::WatchBuildResponse resumed = coordinator->Watch(build, resume);
  EXPECT_EQ(resumed.tasks_size(), 2) << "a new term: everything";
  EXPECT_GT(resumed.term(), first.term());
  // The worker did not notice anything but an error; its attempt goes on and ends.
  v1::SyncRequest done = Idle(2);
  Report(&done, first.assignments(0), "sha256:a");
  const v1::SyncResponse second = coordinator->Sync(done);
  ASSERT_EQ(second.assignments_size(), 1);
  EXPECT_EQ(second.assignments(0).build().image().id(), "b");
  EXPECT_EQ(second.assignments(0).build().parents(0).digest(), "sha256:a");

  // Killed in the middle of the commit, too.
  done = Idle(3);
  Report(&done, second.assignments(0), "sha256:b");
  const v1::SyncResponse third = coordinator->Sync(done);
  ASSERT_EQ(third.assignments_size(), 1);
  EXPECT_EQ(third.assignments(0).commit().moves_size(), 2);
  coordinator->process->Kill();
  coordinator = std::make_unique<Coordinator>(*redis, folder.path());
  EXPECT_EQ(coordinator->Watch(build, "").build().state(), v1::BUILD_STATE_COMMITTING);
  done = Idle(4);
  Report(&done, third.assignments(0), "done");
  coordinator->Sync(done);
  const v1::WatchBuildResponse end = coordinator->Watch(build, "");
  EXPECT_EQ(end.build().state(), v1::BUILD_STATE_SUCCEEDED);
  for (const v1::TaskStatus& task : end.tasks()) EXPECT_EQ(task.attempt_count(), 1);
  EXPECT_THAT(redis->Cli({"ZCARD", "{q}leases"}), base::testing::IsOkAndHolds(HasSubstr("0")));

  EXPECT_EQ(coordinator->process->Terminate(), 0);
  EXPECT_THAT(redis->Cli({"HGET", "{q}leader", "address"}),
              base::testing::IsOkAndHolds(Not(HasSubstr("127.0.0.1"))))
      << "SIGTERM gives leadership up";
}

TEST(CoordinatorRestartTest, GoesOnAfterRedisForgotEverything) {
  ASSERT_OK_AND_ASSIGN(const auto folder, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Redis> redis, Redis::Start());
  auto coordinator = std::make_unique<Coordinator>(*redis, folder.path());
  const std::string build = coordinator->Submit("r1");
  const v1::SyncResponse first = coordinator->Sync(Idle(1));
  ASSERT_OK(redis->Cli({"FLUSHALL"}));
  v1::SyncRequest done = Idle(2);
  Report(&done, first.assignments(0), "sha256:a");
  const v1::SyncResponse second = coordinator->Sync(done);
  ASSERT_EQ(second.assignments_size(), 1);
  EXPECT_THAT(redis->Cli({"HGET", absl::StrCat("{q}build:", build), "head"}),
              base::testing::IsOkAndHolds(HasSubstr("state=running")));
}

}  // namespace
}  // namespace stevedore
