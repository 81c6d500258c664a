// Keeping to a rate, of requests or of bytes.

#ifndef STEVEDORE_TRANSFER_RATE_LIMITER_H_
#define STEVEDORE_TRANSFER_RATE_LIMITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace stevedore::transfer {

// Waits `time`, or until `stop` is requested.
using Waiter = std::function<void(absl::Duration time, std::stop_token stop)>;

// A bucket of tokens: it fills at a rate, holds what comes in during `burst`, and whoever takes
// more than there is waits for his turn. Waiting threads are served in order of arrival.
// Thread-safe.
class RateLimiter {
 public:
  // `per_second` is more than 0. `clock` must outlive this. `wait` null: really.
  explicit RateLimiter(double per_second, absl::Duration burst = absl::Seconds(1),
                       const base::Clock* clock = &base::Clock::System(), Waiter wait = nullptr);

  // Returns when `count` tokens are taken. CANCELLED if stopped before.
  absl::Status Take(uint64_t count, std::stop_token stop = {}) ABSL_LOCKS_EXCLUDED(mu_);

  // What comes in within a quarter of a second, at least 4 KiB: a good size for one piece of a
  // stream of bytes.
  uint64_t piece() const;

 private:
  const double per_second_;
  const absl::Duration burst_;
  const base::Clock* const clock_;
  const Waiter wait_;

  base::Mutex mu_;
  // Since boot: when everything taken so far has come in.
  absl::Duration paid_until_ ABSL_GUARDED_BY(mu_) = -absl::InfiniteDuration();
};

// Reads from another source no faster than a limiter allows. Not thread-safe.
class LimitedSource final : public base::ByteSource {
 public:
  // `limiter` must outlive this.
  LimitedSource(std::unique_ptr<base::ByteSource> below, RateLimiter* limiter, std::stop_token stop)
      : below_(std::move(below)), limiter_(limiter), stop_(std::move(stop)) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  const std::unique_ptr<base::ByteSource> below_;
  RateLimiter* const limiter_;
  const std::stop_token stop_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_RATE_LIMITER_H_
