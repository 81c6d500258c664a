// What the gRPC skins share.

#ifndef STEVEDORE_COORDINATOR_GRPC_CALLS_H_
#define STEVEDORE_COORDINATOR_GRPC_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "coordinator/queue.h"

namespace stevedore::coordinator {

// `status` for the wire; the leader's address, if it holds one, goes into the trailing metadata of
// `context`. Call before Finish.
grpc::Status FinishStatus(const absl::Status& status, grpc::CallbackServerContext* context);

// The waiting call of the queue behind a gRPC call, for cancelling it from any thread. A stream has
// one after the other. Thread-safe.
class WaitSlot {
 public:
  explicit WaitSlot(Queue* queue) : queue_(queue) {}

  // Before the queue is called: the number for Set.
  uint64_t Begin() ABSL_LOCKS_EXCLUDED(mu_);
  // After: the id it returned. Abandons it if the gRPC call was cancelled meanwhile; ignores an id
  // that is not the latest.
  void Set(uint64_t number, Queue::WaitId id) ABSL_LOCKS_EXCLUDED(mu_);
  // The gRPC call was cancelled.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Queue* const queue_;
  base::Mutex mu_;
  uint64_t number_ ABSL_GUARDED_BY(mu_) = 0;
  Queue::WaitId id_ ABSL_GUARDED_BY(mu_) = 0;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_GRPC_CALLS_H_
