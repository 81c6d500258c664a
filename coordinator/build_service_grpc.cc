#include "coordinator/build_service_grpc.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "coordinator/grpc_calls.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.grpc.pb.h"

namespace stevedore::coordinator {
namespace {

// A call with one answer that the queue delivers.
template <typename Response>
Queue::Deliver<Response> FinishWith(grpc::ServerUnaryReactor* reactor,
                                    grpc::CallbackServerContext* context, Response* response) {
  return [=](absl::StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(FinishStatus(result.status(), context));
  };
}

// Reads a submission, then submits or plans it. Deletes itself.
template <typename Response>
class SubmissionCall final : public grpc::ServerReadReactor<v1::SubmitBuildRequest> {
 public:
  // What to do with the whole: calls its second argument once.
  using Then = std::function<void(Submission, Queue::Deliver<Response>)>;

  SubmissionCall(grpc::CallbackServerContext* context, Response* response, Then then)
      : context_(context), response_(response), then_(std::move(then)) {
    StartRead(&part_);
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      const absl::Status status = reader_.Add(std::move(part_));
      if (!status.ok()) {
        Finish(FinishStatus(status, context_));
        return;
      }
      part_.Clear();
      StartRead(&part_);
      return;
    }
    absl::StatusOr<Submission> submission = reader_.Finish();
    if (!submission.ok()) {
      Finish(FinishStatus(submission.status(), context_));
      return;
    }
    then_(*std::move(submission), [this](absl::StatusOr<Response> result) {
      if (result.ok()) *response_ = *std::move(result);
      Finish(FinishStatus(result.status(), context_));
    });
  }
  void OnDone() override { delete this; }

 private:
  grpc::CallbackServerContext* const context_;
  Response* const response_;
  const Then then_;
  SubmissionReader reader_;
  v1::SubmitBuildRequest part_;
};

// Steps through a watch: the next one begins when the last was written. Deletes itself.
class WatchCall final : public grpc::ServerWriteReactor<v1::WatchBuildResponse> {
 public:
  WatchCall(Queue* queue, grpc::CallbackServerContext* context, v1::WatchBuildRequest request)
      : queue_(queue), context_(context), request_(std::move(request)), slot_(queue) {
    Next();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
    } else if (last_) {
      Finish(grpc::Status::OK);
    } else {
      Next();
    }
  }
  void OnCancel() override { slot_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    const uint64_t number = slot_.Begin();
    slot_.Set(number, queue_->WatchBuild(request_, [this](auto answer) {
      if (!answer.ok()) {
        Finish(FinishStatus(answer.status(), context_));
        return;
      }
      response_ = std::move(answer->response);
      last_ = answer->last;
      request_.set_resume_id(response_.resume_id());
      StartWrite(&response_);
    }));
  }

  Queue* const queue_;
  grpc::CallbackServerContext* const context_;
  v1::WatchBuildRequest request_;
  v1::WatchBuildResponse response_;
  bool last_ = false;
  WaitSlot slot_;
};

// As WatchCall, over a log.
class TailCall final : public grpc::ServerWriteReactor<v1::TailLogResponse> {
 public:
  TailCall(Queue* queue, grpc::CallbackServerContext* context, v1::TailLogRequest request)
      : queue_(queue), context_(context), request_(std::move(request)), slot_(queue) {
    Next();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
    } else if (response_.complete()) {
      Finish(grpc::Status::OK);
    } else {
      Next();
    }
  }
  void OnCancel() override { slot_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    const uint64_t number = slot_.Begin();
    slot_.Set(number, queue_->TailLog(request_, [this](auto piece) {
      if (!piece.ok()) {
        Finish(FinishStatus(piece.status(), context_));
        return;
      }
      response_ = *std::move(piece);
      request_.set_offset(response_.offset() + static_cast<int64_t>(response_.data().size()));
      StartWrite(&response_);
    }));
  }

  Queue* const queue_;
  grpc::CallbackServerContext* const context_;
  v1::TailLogRequest request_;
  v1::TailLogResponse response_;
  WaitSlot slot_;
};

// See MakeBuildService.
class BuildServiceSkin final : public v1::BuildService::CallbackService {
 public:
  explicit BuildServiceSkin(Queue* queue) : queue_(queue) {}

  grpc::ServerUnaryReactor* GetServer(grpc::CallbackServerContext* context,
                                      const v1::GetServerRequest*,
                                      v1::GetServerResponse* response) override {
    *response = queue_->GetServer();
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerReadReactor<v1::SubmitBuildRequest>* PlanBuild(
      grpc::CallbackServerContext* context, v1::PlanBuildResponse* response) override {
    return new SubmissionCall<v1::PlanBuildResponse>(
        context, response, [queue = queue_](Submission submission, auto deliver) {
          std::move(deliver)(queue->PlanBuild(submission));
        });
  }

  grpc::ServerReadReactor<v1::SubmitBuildRequest>* SubmitBuild(
      grpc::CallbackServerContext* context, v1::SubmitBuildResponse* response) override {
    return new SubmissionCall<v1::SubmitBuildResponse>(
        context, response, [queue = queue_](Submission submission, auto deliver) {
          queue->SubmitBuild(std::move(submission), std::move(deliver));
        });
  }

  grpc::ServerWriteReactor<v1::WatchBuildResponse>* WatchBuild(
      grpc::CallbackServerContext* context, const v1::WatchBuildRequest* request) override {
    return new WatchCall(queue_, context, *request);
  }

  grpc::ServerUnaryReactor* GetBuild(grpc::CallbackServerContext* context,
                                     const v1::GetBuildRequest* request,
                                     v1::GetBuildResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    queue_->GetBuild(*request, FinishWith(reactor, context, response));
    return reactor;
  }

  grpc::ServerUnaryReactor* ListBuilds(grpc::CallbackServerContext* context,
                                       const v1::ListBuildsRequest* request,
                                       v1::ListBuildsResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    queue_->ListBuilds(*request, FinishWith(reactor, context, response));
    return reactor;
  }

  grpc::ServerUnaryReactor* CancelBuild(grpc::CallbackServerContext* context,
                                        const v1::CancelBuildRequest* request,
                                        v1::CancelBuildResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    queue_->CancelBuild(*request, FinishWith(reactor, context, response));
    return reactor;
  }

  grpc::ServerWriteReactor<v1::TailLogResponse>* TailLog(
      grpc::CallbackServerContext* context, const v1::TailLogRequest* request) override {
    return new TailCall(queue_, context, *request);
  }

 private:
  Queue* const queue_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeBuildService(Queue* queue) {
  return std::make_unique<BuildServiceSkin>(queue);
}

}  // namespace stevedore::coordinator
