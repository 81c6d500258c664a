// gRPC skin of BuildService: converts, decides nothing.

#ifndef STEVEDORE_COORDINATOR_BUILD_SERVICE_GRPC_H_
#define STEVEDORE_COORDINATOR_BUILD_SERVICE_GRPC_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "coordinator/queue.h"

namespace stevedore::coordinator {

// The service over `queue`, which must outlive the server. Errors that name another leader carry
// its address in the trailing metadata `stevedore-leader`.
std::unique_ptr<grpc::Service> MakeBuildService(Queue* queue);

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_BUILD_SERVICE_GRPC_H_
