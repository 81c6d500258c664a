#include "coordinator/grpc_calls.h"

#include <string>

#include "absl/strings/cord.h"
#include "base/grpc_status.h"

namespace stevedore::coordinator {

grpc::Status FinishStatus(const absl::Status& status, grpc::CallbackServerContext* context) {
  if (const auto leader = status.GetPayload(Queue::kLeaderPayload)) {
    context->AddTrailingMetadata(Queue::kLeaderPayload, std::string(*leader));
  }
  return base::ToGrpc(status);
}

uint64_t WaitSlot::Begin() {
  base::MutexLock lock(&mu_);
  id_ = 0;
  return ++number_;
}

void WaitSlot::Set(uint64_t number, Queue::WaitId id) {
  {
    base::MutexLock lock(&mu_);
    if (number != number_) return;
    id_ = id;
    if (!cancelled_) return;
  }
  queue_->Abandon(id);
}

void WaitSlot::Cancel() {
  Queue::WaitId id = 0;
  {
    base::MutexLock lock(&mu_);
    cancelled_ = true;
    id = id_;
  }
  queue_->Abandon(id);
}

}  // namespace stevedore::coordinator
