// `promote --images`: images of the project's tree instead of one reference.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_RUN_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_RUN_H_

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/images/promote_flags.h"

namespace stevedore::cli {

// Copies the images that `flags.images` names, with --cascade all that builds on them, and prints
// the report. kFailed if one could not be copied. INVALID_ARGUMENT for flags that are about one
// image; others as SelectFamily and PromoteFamily.
absl::StatusOr<ExitCode> PromoteImagesOfTree(CommandContext& context, PromoteFlags flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_RUN_H_
