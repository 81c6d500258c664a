// How a worker reaches its coordinator.

#ifndef STEVEDORE_WORKER_SYNC_CHANNEL_H_
#define STEVEDORE_WORKER_SYNC_CHANNEL_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stevedore::v1 {
class AppendLogRequest;
class SyncRequest;
class SyncResponse;
}  // namespace stevedore::v1

namespace stevedore::worker {

// The calls of WorkerService, over the network or within the process. Thread-safe. Destruction ends
// all calls: their callbacks have run when it returns.
class SyncChannel {
 public:
  // Runs exactly once per call, from any thread, possibly before the call returns, with no lock
  // held.
  using SyncDone = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<v1::SyncResponse>>) &&>;
  using AppendDone = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~SyncChannel() = default;

  // WorkerService.Sync. Several may wait at once. `request` is read before it returns.
  // DEADLINE_EXCEEDED if there is no answer within `timeout`; the service's errors else.
  virtual void Sync(const v1::SyncRequest& request, absl::Duration timeout, SyncDone done) = 0;

  // WorkerService.AppendLog with one piece of at most 1 MiB.
  virtual void AppendLog(const v1::AppendLogRequest& piece, AppendDone done) = 0;

  // Answers of the present coordinator are unusable (a lower term): try another address next, if
  // there is one.
  virtual void Reconnect() {}
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_SYNC_CHANNEL_H_
