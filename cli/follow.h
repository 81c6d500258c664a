// Stays with a build until it has ended, whatever happens to the coordinator on the way.

#ifndef STEVEDORE_CLI_FOLLOW_H_
#define STEVEDORE_CLI_FOLLOW_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "cli/build_client.h"
#include "cli/build_view.h"
#include "cli/follow_options.h"
#include "cli/progress_display.h"

namespace stevedore::cli {

// Submits, repeating while the coordinator is away for at most `wait_for_server`: the request id
// makes that safe. Returns the build's id. Errors: CANCELLED once `stop` is requested; UNAVAILABLE
// with the remedy after the wait; others as BuildService.SubmitBuild.
absl::StatusOr<std::string> SubmitWithPatience(BuildClient& client,
                                               const coordinator::Submission& submission,
                                               const FollowOptions& options,
                                               ProgressDisplay* display, std::stop_token stop);

// Watches `build_id` until it has ended and shows it; returns its last view. Level-triggered: a
// broken stream is taken up again with the last resume id, responses of an older term are ignored,
// and a coordinator that does not know the build is sent `submission` again (if not null) with the
// same request id. On a stop request the build is cancelled and its end awaited. `display` (may be
// null) is updated but not finished. Errors: CANCELLED (stopped before the end was seen), NOT_FOUND
// (no such build), UNAVAILABLE (away for too long).
absl::StatusOr<BuildView> Follow(BuildClient& client, std::string build_id,
                                 const coordinator::Submission* submission,
                                 const FollowOptions& options, ProgressDisplay* display,
                                 std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_FOLLOW_H_
