// A coordinator behind a network.

#ifndef STEVEDORE_CLI_GRPC_BUILD_CLIENT_H_
#define STEVEDORE_CLI_GRPC_BUILD_CLIENT_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/build_client.h"

namespace stevedore::cli {

// A client for "host:port". Connects when first used. When a standby answers, the next call goes to
// the leader that it named. Unary calls end after 10 s (submit and plan: 60 s) with
// DEADLINE_EXCEEDED turned into UNAVAILABLE: the caller repeats with back-off.
std::unique_ptr<BuildClient> ConnectToCoordinator(absl::string_view address);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_GRPC_BUILD_CLIENT_H_
