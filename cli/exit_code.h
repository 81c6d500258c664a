// What the process says to its caller.

#ifndef STEVEDORE_CLI_EXIT_CODE_H_
#define STEVEDORE_CLI_EXIT_CODE_H_

#include "absl/status/status.h"

namespace stevedore::cli {

// Exit codes. Scripts rely on them: never change a number.
enum class ExitCode : int {
  kOk = 0,
  // An image failed, or what was asked for does not exist.
  kFailed = 1,
  // The command line or a definition is wrong: nothing was started.
  kUsage = 2,
  // Registry, coordinator, network, disk, credentials: the same command may work later.
  kInfrastructure = 3,
  // Ctrl-C, SIGTERM or `cancel`.
  kCancelled = 4,
};

// The exit code for a command that ended with `status`. Thread-safe.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_EXIT_CODE_H_
