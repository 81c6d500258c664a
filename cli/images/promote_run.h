// What `promote` does.

#ifndef STEVEDORE_CLI_IMAGES_PROMOTE_RUN_H_
#define STEVEDORE_CLI_IMAGES_PROMOTE_RUN_H_

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/images/promote_flags.h"

namespace stevedore::cli {

// Copies an image (or, with --all-tags, a repository) as `flags` say: progress to standard error,
// the digest to standard output. Errors as transfer::Copier and the places, and INVALID_ARGUMENT
// for flags that are wrong.
absl::StatusOr<ExitCode> Promote(CommandContext& context, PromoteFlags flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_PROMOTE_RUN_H_
