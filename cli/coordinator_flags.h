// Flags of commands that talk to a coordinator.

#ifndef STEVEDORE_CLI_COORDINATOR_FLAGS_H_
#define STEVEDORE_CLI_COORDINATOR_FLAGS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/build_client.h"
#include "cli/follow_options.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Values of the flags.
struct CoordinatorFlags {
  std::string address;
  std::string wait_for_server = "10m";
};

// Enters `--coordinator` (or STEVEDORE_COORDINATOR) and `--wait-for-server`; `flags` must outlive
// the parse.
void AddCoordinatorFlags(CLI::App& command, CoordinatorFlags& flags);

// A client of the coordinator that the flags name. INVALID_ARGUMENT if they name none or a
// malformed address.
absl::StatusOr<std::unique_ptr<BuildClient>> Connect(const CoordinatorFlags& flags);

// Defaults with `--wait-for-server`. INVALID_ARGUMENT if that is no duration.
absl::StatusOr<FollowOptions> ReadFollowOptions(const CoordinatorFlags& flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_COORDINATOR_FLAGS_H_
