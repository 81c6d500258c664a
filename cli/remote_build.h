// What `submit` and `plan --coordinator` do with a coordinator.

#ifndef STEVEDORE_CLI_REMOTE_BUILD_H_
#define STEVEDORE_CLI_REMOTE_BUILD_H_

#include "absl/status/statusor.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"

namespace stevedore::cli {

// How a submitted build runs.
struct RemoteOptions {
  bool detach = false;
  int priority = 0;
  int retry_failed = 0;
};

// Submits what the flags say to the coordinator: contexts are sent first. Waits for the end and
// shows it, or prints the build's id and returns at once (`detach`).
absl::StatusOr<ExitCode> BuildRemotely(CommandContext& context, const BuildFlags& flags,
                                       const CoordinatorFlags& coordinator,
                                       const RemoteOptions& options);

// Prints what BuildRemotely would do, as a table or JSON; contexts are digested but not sent.
absl::StatusOr<ExitCode> PlanRemotely(CommandContext& context, const BuildFlags& flags,
                                      const CoordinatorFlags& coordinator, bool json);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_REMOTE_BUILD_H_
