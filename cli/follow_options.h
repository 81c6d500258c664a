// How patient a client is.

#ifndef STEVEDORE_CLI_FOLLOW_OPTIONS_H_
#define STEVEDORE_CLI_FOLLOW_OPTIONS_H_

#include "absl/time/time.h"

namespace stevedore::cli {

class LiveLogs;

// How to follow a build. A value.
struct FollowOptions {
  // How long a coordinator may be away before it is given up.
  absl::Duration wait_for_server = absl::Minutes(10);
  // A stop request cancels the build and waits this long for its end; false in `cancel_on_stop`:
  // just leaves.
  bool cancel_on_stop = true;
  absl::Duration cancel_wait = absl::Seconds(30);
  // Bounds of the waits between attempts to reach the coordinator.
  absl::Duration first_retry = absl::Milliseconds(100);
  absl::Duration longest_retry = absl::Seconds(2);
  // Shows the output of tasks while they run; null: nobody wants it. Not owned.
  LiveLogs* logs = nullptr;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_FOLLOW_OPTIONS_H_
