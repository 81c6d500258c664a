#include "coordinator/worker_service_grpc.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "base/grpc_status.h"
#include "coordinator/grpc_calls.h"
#include "stevedore/v1/worker_service.grpc.pb.h"

namespace stevedore::coordinator {
namespace {

// One waiting Sync. Deletes itself.
class SyncCall final : public grpc::ServerUnaryReactor {
 public:
  SyncCall(Queue* queue, grpc::CallbackServerContext* context, const v1::SyncRequest& request,
           v1::SyncResponse* response)
      : slot_(queue) {
    const uint64_t number = slot_.Begin();
    slot_.Set(number, queue->Sync(request, [this, context, response](auto answer) {
      if (answer.ok()) *response = *std::move(answer);
      Finish(FinishStatus(answer.status(), context));
    }));
  }

  void OnCancel() override { slot_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  WaitSlot slot_;
};

// Takes the pieces of one log. Deletes itself.
class AppendCall final : public grpc::ServerReadReactor<v1::AppendLogRequest> {
 public:
  explicit AppendCall(Queue* queue) : queue_(queue) { StartRead(&piece_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    const absl::Status status = queue_->AppendLog(piece_);
    if (!status.ok()) {
      Finish(base::ToGrpc(status));
      return;
    }
    StartRead(&piece_);
  }
  void OnDone() override { delete this; }

 private:
  Queue* const queue_;
  v1::AppendLogRequest piece_;
};

// See MakeWorkerService.
class WorkerServiceSkin final : public v1::WorkerService::CallbackService {
 public:
  explicit WorkerServiceSkin(Queue* queue) : queue_(queue) {}

  grpc::ServerUnaryReactor* Sync(grpc::CallbackServerContext* context,
                                 const v1::SyncRequest* request,
                                 v1::SyncResponse* response) override {
    return new SyncCall(queue_, context, *request, response);
  }

  grpc::ServerReadReactor<v1::AppendLogRequest>* AppendLog(grpc::CallbackServerContext*,
                                                           v1::AppendLogResponse*) override {
    return new AppendCall(queue_);
  }

 private:
  Queue* const queue_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkerService(Queue* queue) {
  return std::make_unique<WorkerServiceSkin>(queue);
}

}  // namespace stevedore::coordinator
