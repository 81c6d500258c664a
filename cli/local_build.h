// What `build`, `plan` and `--dry-run` do on this machine.

#ifndef STEVEDORE_CLI_LOCAL_BUILD_H_
#define STEVEDORE_CLI_LOCAL_BUILD_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/build_flags.h"
#include "cli/command.h"
#include "cli/plan_output.h"

namespace stevedore::cli {

// Where `build` leaves images unless it pushes.
inline constexpr char kDefaultOutput[] = "oci:.stevedore/images";

// The folder of "oci:DIR". INVALID_ARGUMENT for other forms.
absl::StatusOr<std::string> ParseOutput(const std::string& output);

// Builds in this process into the layout `output` ("oci:DIR"), or into registries if the flags or
// the configuration say so. `threads` inside one image; 0: all cores. Prints progress and results.
absl::StatusOr<ExitCode> BuildLocally(CommandContext& context, const BuildFlags& flags,
                                      const std::string& output, int threads);

// Prints what BuildLocally would do, in the form that `form` says, without doing it.
absl::StatusOr<ExitCode> PlanLocally(CommandContext& context, const BuildFlags& flags,
                                     const std::string& output, const PlanOutput& form);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_LOCAL_BUILD_H_
