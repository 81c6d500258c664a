// What `submit` and `plan --coordinator` do with a coordinator.

#ifndef STEVEDORE_CLI_REMOTE_BUILD_H_
#define STEVEDORE_CLI_REMOTE_BUILD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/coordinator_flags.h"
#include "cli/plan_output.h"

namespace stevedore::cli {

// How a submitted build runs.
struct RemoteOptions {
  bool detach = false;
  int priority = 0;
  int retry_failed = 0;
  // Send the credentials that the build needs along, sealed to the key in this file, else to the
  // coordinator's; `also_seal` as CredentialNeeds::further.
  bool seal_credentials = false;
  std::string sealing_public_key;
  std::vector<std::string> also_seal;
};

// Submits what the flags say to the coordinator: contexts are sent first. Waits for the end and
// shows it, or prints the build's id and returns at once (`detach`).
absl::StatusOr<ExitCode> BuildRemotely(CommandContext& context, const BuildFlags& flags,
                                       const CoordinatorFlags& coordinator,
                                       const RemoteOptions& options);

// Prints what BuildRemotely would do, in the form that `form` says; contexts are digested but not
// sent.
absl::StatusOr<ExitCode> PlanRemotely(CommandContext& context, const BuildFlags& flags,
                                      const CoordinatorFlags& coordinator, const PlanOutput& form);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_REMOTE_BUILD_H_
