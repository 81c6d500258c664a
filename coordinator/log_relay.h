// Logs on their way from a worker to whoever tails them.

#ifndef STEVEDORE_COORDINATOR_LOG_RELAY_H_
#define STEVEDORE_COORDINATOR_LOG_RELAY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace stevedore::coordinator {

// A window of each log that somebody reads. Logs stay with their workers; this asks for one only
// while it is wanted. Offsets are byte positions in the log. Not thread-safe.
class LogRelay {
 public:
  // A reader wants the log of `run_id` from `offset` on, at time `now` (any clock that does not
  // jump). True if the worker must hear of it: it was not asked yet, or must begin again at a lower
  // offset.
  bool Want(const std::string& run_id, int64_t offset, absl::Duration now);

  // Up to `limit` bytes from `offset`, empty if there are none (yet).
  std::string Read(const std::string& run_id, int64_t offset, size_t limit) const;

  // Takes a piece; `complete`: the log ends with it. ABORTED: nobody wants this log any more.
  // OUT_OF_RANGE with the expected offset otherwise.
  absl::Status Append(const std::string& run_id, int64_t offset, absl::string_view data,
                      bool complete, absl::Duration now);

  // True if the log ends at `offset`.
  bool EndsAt(const std::string& run_id, int64_t offset) const;

  // The offset from which the worker should send `run_id`; -1: nobody wants it.
  int64_t WantedOffset(const std::string& run_id, absl::Duration now) const;

  // Forgets logs that nobody has wanted for a while.
  void Trim(absl::Duration now);

 private:
  // How long a log is wanted after the last reader's call.
  static constexpr absl::Duration kWanted = absl::Seconds(5);
  // How long the window stays for readers that come back, e.g. after the run's end.
  static constexpr absl::Duration kKept = absl::Seconds(60);
  static constexpr size_t kWindowBytes = 1 << 20;

  struct Window {
    int64_t start = 0;
    std::string data;
    bool complete = false;
    absl::Duration wanted;
    int64_t end() const { return start + static_cast<int64_t>(data.size()); }
  };

  std::map<std::string, Window> windows_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_LOG_RELAY_H_
