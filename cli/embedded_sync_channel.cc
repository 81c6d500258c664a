#include "cli/embedded_sync_channel.h"

#include <memory>
#include <utility>
#include <vector>

#include "coordinator/queue.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::cli {

EmbeddedSyncChannel::~EmbeddedSyncChannel() {
  std::vector<uint64_t> waits;
  {
    base::MutexLock lock(&mu_);
    for (const auto& [call, wait] : calls_) waits.push_back(wait);
  }
  for (const uint64_t wait : waits) queue_->Abandon(wait);
  base::MutexLock lock(&mu_);
  while (!calls_.empty()) ended_.Wait(&mu_);
}

void EmbeddedSyncChannel::Sync(const v1::SyncRequest& request, absl::Duration /*timeout*/,
                               SyncDone done) {
  uint64_t call;
  {
    base::MutexLock lock(&mu_);
    call = next_call_++;
    calls_.emplace(call, 0);
  }
  const coordinator::Queue::WaitId wait = queue_->Sync(
      request,
      [this, call, done = std::move(done)](absl::StatusOr<v1::SyncResponse> answer) mutable {
        if (answer.ok()) {
          std::move(done)(std::make_unique<v1::SyncResponse>(*std::move(answer)));
        } else {
          std::move(done)(answer.status());
        }
        base::MutexLock lock(&mu_);
        calls_.erase(call);
        ended_.SignalAll();
      });
  base::MutexLock lock(&mu_);
  const auto it = calls_.find(call);
  if (it != calls_.end()) it->second = wait;
}

void EmbeddedSyncChannel::AppendLog(const v1::AppendLogRequest& piece, AppendDone done) {
  std::move(done)(queue_->AppendLog(piece));
}

}  // namespace stevedore::cli
