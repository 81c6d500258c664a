// The one place where absl::Status and grpc::Status meet.

#ifndef STEVEDORE_BASE_GRPC_STATUS_H_
#define STEVEDORE_BASE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace stevedore::base {

// Same code (the numbers are equal by design) and message. Messages are cut to 4 KiB: they travel
// as HTTP/2 trailers.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_GRPC_STATUS_H_
