// Waits for a coordinator that is away.

#ifndef STEVEDORE_CLI_PATIENCE_H_
#define STEVEDORE_CLI_PATIENCE_H_

#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "cli/build_client.h"
#include "cli/follow_options.h"
#include "cli/progress_display.h"

namespace stevedore::cli {

// Waits for `duration` or a stop request; true if stopped. Thread-safe.
bool Pause(absl::Duration duration, std::stop_token stop);

// Counts how long a coordinator has been away, says so once, and paces the attempts to reach it.
// Not thread-safe.
class Patience {
 public:
  // All must outlive it; `display` may be null.
  Patience(const BuildClient& client, const FollowOptions& options, ProgressDisplay* display)
      : client_(client), options_(options), display_(display) {}

  // After an answer.
  void Reset();

  // After an UNAVAILABLE: waits before the next attempt. UNAVAILABLE with the remedy when it is
  // time to give up, CANCELLED once `stop` is requested.
  absl::Status Wait(const absl::Status& cause, std::stop_token stop);

 private:
  // A restart shorter than this is not worth a message.
  static constexpr absl::Duration kSilence = absl::Seconds(1);

  const BuildClient& client_;
  const FollowOptions& options_;
  ProgressDisplay* const display_;
  std::optional<absl::Duration> since_;
  std::optional<base::Backoff> backoff_;
  bool announced_ = false;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PATIENCE_H_
