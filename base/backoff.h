// Waiting times between attempts.

#ifndef STEVEDORE_BASE_BACKOFF_H_
#define STEVEDORE_BASE_BACKOFF_H_

#include <cstdint>

#include "absl/time/time.h"

namespace stevedore::base {

// Exponential back-off with full jitter: the n-th delay is uniform in [0, min(limit, first * 2^n)].
// Full jitter, as many workers fail at the same moment and must not come back together. Not
// thread-safe.
class Backoff {
 public:
  // The delay bound starts at `first` and doubles up to `limit`. Equal seeds give equal delays.
  Backoff(absl::Duration first, absl::Duration limit, uint64_t seed)
      : bound_(first), limit_(limit), state_(seed) {}

  // The next delay to wait.
  absl::Duration Next() {
    // splitmix64: all that jitter needs, and reproducible across libraries.
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    const double unit =
        static_cast<double>((z ^ (z >> 31)) >> 11) / static_cast<double>(1ULL << 53);
    const absl::Duration delay = bound_ * unit;
    bound_ = bound_ * 2 < limit_ ? bound_ * 2 : limit_;
    return delay;
  }

 private:
  absl::Duration bound_;
  const absl::Duration limit_;
  uint64_t state_;
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_BACKOFF_H_
