#include "cli/grpc_build_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/grpc_status.h"
#include "base/mutex.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.grpc.pb.h"

namespace stevedore::cli {
namespace {

constexpr std::chrono::seconds kCallTime(10);
constexpr std::chrono::seconds kSubmitTime(60);
// gRPC refuses messages above 4 MiB; a part is closed when it reaches this.
constexpr size_t kPartBytes = 1 << 20;
constexpr char kLeaderKey[] = "stevedore-leader";

std::shared_ptr<grpc::Channel> Dial(const std::string& address) {
  grpc::ChannelArguments arguments;
  // gRPC's default of two minutes between connection attempts would outlive a restart of the
  // coordinator by far.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Cancels a call when a stop is requested, from whatever thread requests it.
class CancelOnStop {
 public:
  CancelOnStop(std::stop_token stop, grpc::ClientContext* context)
      : callback_(std::move(stop), Cancel{context}) {}

 private:
  struct Cancel {
    grpc::ClientContext* context;
    void operator()() const { context->TryCancel(); }
  };
  std::stop_callback<Cancel> callback_;
};

class GrpcBuildClient final : public BuildClient {
 public:
  explicit GrpcBuildClient(absl::string_view address)
      : configured_(address), address_(address), stub_(v1::BuildService::NewStub(Dial(address_))) {}

  std::string name() const override { return absl::StrCat("coordinator at ", configured_); }

  absl::StatusOr<v1::GetServerResponse> GetServer() override {
    return Unary<v1::GetServerResponse>(v1::GetServerRequest(), &v1::BuildService::Stub::GetServer);
  }

  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(
      const coordinator::Submission& submission) override {
    return Stream<v1::PlanBuildResponse>(submission, [](Stub& stub, auto* context, auto* response) {
      return stub.PlanBuild(context, response);
    });
  }

  absl::StatusOr<v1::SubmitBuildResponse> SubmitBuild(
      const coordinator::Submission& submission) override {
    return Stream<v1::SubmitBuildResponse>(submission,
                                           [](Stub& stub, auto* context, auto* response) {
                                             return stub.SubmitBuild(context, response);
                                           });
  }

  absl::Status WatchBuild(const std::string& build_id, const std::string& resume_id,
                          absl::FunctionRef<void(const v1::WatchBuildResponse&)> receive,
                          std::stop_token stop) override {
    v1::WatchBuildRequest request;
    request.set_build_id(build_id);
    request.set_resume_id(resume_id);
    grpc::ClientContext context;
    const CancelOnStop cancel(std::move(stop), &context);
    const std::shared_ptr<Stub> stub = CurrentStub();
    return Drain<v1::WatchBuildResponse>(context, *stub->WatchBuild(&context, request), receive);
  }

  absl::StatusOr<v1::GetBuildResponse> GetBuild(const std::string& build_id) override {
    v1::GetBuildRequest request;
    request.set_build_id(build_id);
    return Unary<v1::GetBuildResponse>(request, &v1::BuildService::Stub::GetBuild);
  }

  absl::StatusOr<std::vector<v1::BuildStatus>> ListBuilds(int limit) override {
    std::vector<v1::BuildStatus> builds;
    v1::ListBuildsRequest request;
    while (static_cast<int>(builds.size()) < limit) {
      request.set_page_size(std::min(limit - static_cast<int>(builds.size()), 500));
      auto page = Unary<v1::ListBuildsResponse>(request, &v1::BuildService::Stub::ListBuilds);
      if (!page.ok()) return page.status();
      builds.insert(builds.end(), page->builds().begin(), page->builds().end());
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
    }
    return builds;
  }

  absl::StatusOr<v1::CancelBuildResponse> CancelBuild(const std::string& build_id,
                                                      const std::string& reason) override {
    v1::CancelBuildRequest request;
    request.set_build_id(build_id);
    request.set_reason(reason);
    return Unary<v1::CancelBuildResponse>(request, &v1::BuildService::Stub::CancelBuild);
  }

  absl::Status TailLog(const std::string& build_id, const std::string& image,
                       const std::string& platform, int64_t offset,
                       absl::FunctionRef<void(const v1::TailLogResponse&)> receive,
                       std::stop_token stop) override {
    v1::TailLogRequest request;
    request.set_build_id(build_id);
    request.set_image_id(image);
    request.set_platform(platform);
    request.set_offset(offset);
    grpc::ClientContext context;
    const CancelOnStop cancel(std::move(stop), &context);
    const std::shared_ptr<Stub> stub = CurrentStub();
    return Drain<v1::TailLogResponse>(context, *stub->TailLog(&context, request), receive);
  }

 private:
  using Stub = v1::BuildService::Stub;

  std::shared_ptr<Stub> CurrentStub() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    return stub_;
  }

  // Turns the end of a call into a Status; dials the leader if a standby named one.
  absl::Status Ended(const grpc::ClientContext& context, const grpc::Status& status)
      ABSL_LOCKS_EXCLUDED(mu_) {
    if (status.ok()) return absl::OkStatus();
    absl::Status result = base::FromGrpc(status);
    if (result.code() == absl::StatusCode::kDeadlineExceeded) {
      result = absl::UnavailableError("no answer in time");
    }
    if (result.code() != absl::StatusCode::kUnavailable) return result;
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto leader = metadata.find(kLeaderKey);
    base::MutexLock lock(&mu_);
    std::string next = configured_;
    if (leader != metadata.end()) next.assign(leader->second.data(), leader->second.size());
    // Without a leader's name, back to the address the user gave: the leader we followed may be the
    // one that died.
    if (next != address_ && !next.empty()) {
      address_ = next;
      stub_ = v1::BuildService::NewStub(Dial(address_));
    }
    return absl::UnavailableError(absl::StrCat(address_, ": ", result.message()));
  }

  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Unary(const Request& request, Method method) {
    const std::shared_ptr<Stub> stub = CurrentStub();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTime);
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return Ended(context, status);
    return response;
  }

  template <typename Response, typename Open>
  absl::StatusOr<Response> Stream(const coordinator::Submission& submission, Open open) {
    const std::shared_ptr<Stub> stub = CurrentStub();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kSubmitTime);
    Response response;
    const auto writer = open(*stub, &context, &response);
    // A failed write means that the call has ended; Finish says why.
    if (WriteParts(submission, *writer)) writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (!status.ok()) return Ended(context, status);
    return response;
  }

  static bool WriteParts(const coordinator::Submission& submission,
                         grpc::ClientWriter<v1::SubmitBuildRequest>& writer) {
    v1::SubmitBuildRequest part;
    *part.mutable_header() = submission.header;
    if (!writer.Write(part)) return false;
    v1::SubmitBuildRequest batch;
    size_t bytes = 0;
    for (const v1::Image& image : submission.images) {
      *batch.mutable_images()->add_images() = image;
      bytes += image.ByteSizeLong();
      if (bytes < kPartBytes) continue;
      if (!writer.Write(batch)) return false;
      batch.Clear();
      bytes = 0;
    }
    if (bytes > 0 && !writer.Write(batch)) return false;
    part.Clear();
    part.mutable_commit()->set_image_count(static_cast<int>(submission.images.size()));
    return writer.Write(part);
  }

  template <typename Response>
  absl::Status Drain(grpc::ClientContext& context, grpc::ClientReader<Response>& reader,
                     absl::FunctionRef<void(const Response&)> receive) {
    Response response;
    while (reader.Read(&response)) receive(response);
    return Ended(context, reader.Finish());
  }

  const std::string configured_;

  base::Mutex mu_;
  std::string address_ ABSL_GUARDED_BY(mu_);
  // Shared: a call that runs keeps the stub it began with.
  std::shared_ptr<Stub> stub_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<BuildClient> ConnectToCoordinator(absl::string_view address) {
  return std::make_unique<GrpcBuildClient>(address);
}

}  // namespace stevedore::cli
