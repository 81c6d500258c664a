// gRPC skin of WorkerService: converts, decides nothing.

#ifndef STEVEDORE_COORDINATOR_WORKER_SERVICE_GRPC_H_
#define STEVEDORE_COORDINATOR_WORKER_SERVICE_GRPC_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "coordinator/queue.h"

namespace stevedore::coordinator {

// The service over `queue`, which must outlive the server. A waiting Sync is one object, no thread.
std::unique_ptr<grpc::Service> MakeWorkerService(Queue* queue);

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_WORKER_SERVICE_GRPC_H_
