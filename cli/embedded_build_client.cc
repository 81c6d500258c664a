#include "cli/embedded_build_client.h"

#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/queue.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using coordinator::Queue;

// Takes one answer from whatever thread and hands it to the thread that waits.
template <typename Response>
class Answer {
 public:
  Queue::Deliver<Response> Receiver() {
    return [this](absl::StatusOr<Response> answer) {
      base::MutexLock lock(&mu_);
      answer_ = std::move(answer);
      changed_.SignalAll();
    };
  }

  absl::StatusOr<Response> Wait() ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    while (!answer_.has_value()) changed_.Wait(&mu_);
    return *std::move(answer_);
  }

 private:
  base::Mutex mu_;
  base::CondVar changed_;
  std::optional<absl::StatusOr<Response>> answer_ ABSL_GUARDED_BY(mu_);
};

class EmbeddedBuildClient final : public BuildClient {
 public:
  explicit EmbeddedBuildClient(Queue* queue) : queue_(queue) {}

  std::string name() const override { return "embedded coordinator"; }

  absl::StatusOr<v1::GetServerResponse> GetServer() override { return queue_->GetServer(); }

  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(
      const coordinator::Submission& submission) override {
    return queue_->PlanBuild(submission);
  }

  absl::StatusOr<v1::SubmitBuildResponse> SubmitBuild(
      const coordinator::Submission& submission) override {
    Answer<v1::SubmitBuildResponse> answer;
    queue_->SubmitBuild(submission, answer.Receiver());
    return answer.Wait();
  }

  absl::Status WatchBuild(const std::string& build_id, const std::string& resume_id,
                          absl::FunctionRef<void(const v1::WatchBuildResponse&)> receive,
                          std::stop_token stop) override {
    v1::WatchBuildRequest request;
    request.set_build_id(build_id);
    request.set_resume_id(resume_id);
    while (true) {
      Answer<Queue::WatchAnswer> answer;
      const Queue::WaitId wait = queue_->WatchBuild(request, answer.Receiver());
      const std::stop_callback on_stop(stop, [this, wait] { queue_->Abandon(wait); });
      ASSIGN_OR_RETURN(const Queue::WatchAnswer step, answer.Wait());
      receive(step.response);
      if (step.last) return absl::OkStatus();
      if (stop.stop_requested()) return absl::CancelledError("stopped watching");
      request.set_resume_id(step.response.resume_id());
    }
  }

  absl::StatusOr<v1::GetBuildResponse> GetBuild(const std::string& build_id) override {
    v1::GetBuildRequest request;
    request.set_build_id(build_id);
    Answer<v1::GetBuildResponse> answer;
    queue_->GetBuild(request, answer.Receiver());
    return answer.Wait();
  }

  absl::StatusOr<std::vector<v1::BuildStatus>> ListBuilds(int limit) override {
    v1::ListBuildsRequest request;
    request.set_page_size(limit);
    Answer<v1::ListBuildsResponse> answer;
    queue_->ListBuilds(request, answer.Receiver());
    ASSIGN_OR_RETURN(const v1::ListBuildsResponse page, answer.Wait());
    return std::vector<v1::BuildStatus>(page.builds().begin(), page.builds().end());
  }

  absl::StatusOr<v1::CancelBuildResponse> CancelBuild(const std::string& build_id,
                                                      const std::string& reason) override {
    v1::CancelBuildRequest request;
    request.set_build_id(build_id);
    request.set_reason(reason);
    Answer<v1::CancelBuildResponse> answer;
    queue_->CancelBuild(request, answer.Receiver());
    return answer.Wait();
  }

  absl::Status TailLog(const std::string& build_id, const std::string& image,
                       const std::string& platform, int64_t offset,
                       absl::FunctionRef<void(const v1::TailLogResponse&)> receive,
                       std::stop_token stop) override {
    v1::TailLogRequest request;
    request.set_build_id(build_id);
    request.set_image_id(image);
    request.set_platform(platform);
    while (true) {
      request.set_offset(offset);
      Answer<v1::TailLogResponse> answer;
      const Queue::WaitId wait = queue_->TailLog(request, answer.Receiver());
      const std::stop_callback on_stop(stop, [this, wait] { queue_->Abandon(wait); });
      ASSIGN_OR_RETURN(const v1::TailLogResponse piece, answer.Wait());
      receive(piece);
      if (piece.complete()) return absl::OkStatus();
      if (stop.stop_requested()) return absl::CancelledError("stopped reading the log");
      offset = piece.offset() + static_cast<int64_t>(piece.data().size());
    }
  }

 private:
  Queue* const queue_;
};

}  // namespace

std::unique_ptr<BuildClient> CreateEmbeddedBuildClient(coordinator::Queue* queue) {
  return std::make_unique<EmbeddedBuildClient>(queue);
}

}  // namespace stevedore::cli
