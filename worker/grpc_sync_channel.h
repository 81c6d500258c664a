// The coordinator over gRPC.

#ifndef STEVEDORE_WORKER_GRPC_SYNC_CHANNEL_H_
#define STEVEDORE_WORKER_GRPC_SYNC_CHANNEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/sync_channel.h"

namespace stevedore::worker {

// Calls one of several coordinators: the leader, found by trying in turn and by what standbys
// answer. Keepalive pings every 30 s notice a dead peer; reconnects after 250 ms to 2 s (gRPC's
// default of 120 s outlives every lease).
class GrpcSyncChannel final : public SyncChannel {
 public:
  // `addresses` as gRPC names them ("host:port"). INVALID_ARGUMENT if there is none. Connects when
  // first used.
  static absl::StatusOr<std::unique_ptr<GrpcSyncChannel>> Create(
      std::vector<std::string> addresses);
  ~GrpcSyncChannel() override;

  void Sync(const v1::SyncRequest& request, absl::Duration timeout, SyncDone done) override;
  void AppendLog(const v1::AppendLogRequest& piece, AppendDone done) override;
  void Reconnect() override;

  // The address that is called now.
  std::string address() const;

 private:
  class Body;
  explicit GrpcSyncChannel(std::shared_ptr<Body> body);
  // Shared with calls on their way: their callbacks may come while the channel goes.
  const std::shared_ptr<Body> body_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_GRPC_SYNC_CHANNEL_H_
