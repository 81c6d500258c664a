// The log of one run, in memory and bounded.

#ifndef STEVEDORE_WORKER_RUN_LOG_H_
#define STEVEDORE_WORKER_RUN_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace stevedore::worker {

// Bytes in the order in which they came; never rate-clipped. Above `limit_bytes` only the first and
// last `keep_bytes` stay. Offsets are byte positions since the start, whatever was dropped.
// Thread-safe.
class RunLog {
 public:
  static constexpr uint64_t kLimitBytes = 64 << 20;
  static constexpr uint64_t kKeepBytes = 8 << 20;

  // A part of the log. `offset` is above the one asked for if that was dropped.
  struct Piece {
    uint64_t offset = 0;
    std::string bytes;
  };

  explicit RunLog(uint64_t limit_bytes = kLimitBytes, uint64_t keep_bytes = kKeepBytes)
      : limit_bytes_(limit_bytes), keep_bytes_(keep_bytes) {}

  void Append(absl::string_view bytes) ABSL_LOCKS_EXCLUDED(mu_);

  // Up to `limit` bytes from `offset` on; empty at the end.
  Piece Read(uint64_t offset, size_t limit) const ABSL_LOCKS_EXCLUDED(mu_);

  // The last `limit` bytes, with what is not UTF-8 replaced by `?` (messages must be UTF-8) and
  // without what only terminals understand.
  std::string Tail(size_t limit) const ABSL_LOCKS_EXCLUDED(mu_);

  // Bytes appended so far.
  uint64_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const uint64_t limit_bytes_;
  const uint64_t keep_bytes_;
  mutable base::Mutex mu_;
  std::string head_ ABSL_GUARDED_BY(mu_);                // The first keep_bytes_.
  std::deque<std::string> blocks_ ABSL_GUARDED_BY(mu_);  // What follows, or its end.
  uint64_t blocks_start_ ABSL_GUARDED_BY(mu_) = 0;       // Offset of the first block.
  uint64_t size_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_RUN_LOG_H_
