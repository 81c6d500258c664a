// A worker's calls to the queue in the same process.

#ifndef STEVEDORE_CLI_EMBEDDED_SYNC_CHANNEL_H_
#define STEVEDORE_CLI_EMBEDDED_SYNC_CHANNEL_H_

#include <cstdint>
#include <map>

#include "base/mutex.h"
#include "worker/sync_channel.h"

namespace stevedore::coordinator {
class Queue;
}  // namespace stevedore::coordinator

namespace stevedore::cli {

// Hands calls to a Queue directly. Timeouts are the queue's: it always answers. Thread-safe.
class EmbeddedSyncChannel final : public worker::SyncChannel {
 public:
  // `queue` must outlive the channel.
  explicit EmbeddedSyncChannel(coordinator::Queue* queue) : queue_(queue) {}
  ~EmbeddedSyncChannel() override;

  void Sync(const v1::SyncRequest& request, absl::Duration timeout, SyncDone done) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void AppendLog(const v1::AppendLogRequest& piece, AppendDone done) override;

 private:
  coordinator::Queue* const queue_;

  base::Mutex mu_;
  base::CondVar ended_;
  uint64_t next_call_ ABSL_GUARDED_BY(mu_) = 1;
  // Calls that were not answered, with the queue's id once it is known (0 before).
  std::map<uint64_t, uint64_t> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_EMBEDDED_SYNC_CHANNEL_H_
