// The coordinator's listening side.

#ifndef STEVEDORE_COORDINATOR_GRPC_SERVER_H_
#define STEVEDORE_COORDINATOR_GRPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/queue.h"

namespace stevedore::coordinator {

// Serves BuildService, WorkerService, grpc.health.v1 and reflection for one queue. Thread-safe.
class GrpcServer {
 public:
  // Listens on `address` ("host:port"; port 0: any free one). `queue` must outlive the server;
  // calls are answered UNAVAILABLE until it leads. UNAVAILABLE: the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(const std::string& address,
                                                            Queue* queue);
  ~GrpcServer();

  // Where it listens, with the real port.
  const std::string& address() const { return address_; }

  // What readiness checks of both services hear; the empty service (liveness) is always serving.
  void SetReady(bool ready);

  // Refuses new calls and ends those that remain after `grace`. Stop the queue first: it answers
  // the waiting ones.
  void Shutdown(absl::Duration grace);

 private:
  struct Parts;
  GrpcServer(std::unique_ptr<Parts> parts, std::string address);

  const std::unique_ptr<Parts> parts_;
  const std::string address_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_GRPC_SERVER_H_
