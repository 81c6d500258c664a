#include "transfer/rate_limiter.h"

#include <algorithm>

#include "base/status.h"

namespace stevedore::transfer {
namespace {

constexpr uint64_t kSmallestPiece = 4096;

void WaitReally(absl::Duration duration, std::stop_token stop) {
  base::Mutex mu;
  base::CondVar changed;
  const std::stop_callback wake(stop, [&] {
    base::MutexLock lock(&mu);
    changed.SignalAll();
  });
  const absl::Time end = absl::Now() + duration;
  base::MutexLock lock(&mu);
  while (!stop.stop_requested() && absl::Now() < end) changed.WaitFor(&mu, end - absl::Now());
}

}  // namespace

RateLimiter::RateLimiter(double per_second, absl::Duration burst, const base::Clock* clock,
                         Waiter wait)
    : per_second_(per_second),
      burst_(burst),
      clock_(clock),
      wait_(wait == nullptr ? WaitReally : std::move(wait)) {}

absl::Status RateLimiter::Take(uint64_t count, std::stop_token stop) {
  absl::Duration turn;
  {
    base::MutexLock lock(&mu_);
    const absl::Duration now = clock_->SinceBoot();
    paid_until_ = std::max(paid_until_, now - burst_) +
                  absl::Seconds(static_cast<double>(count) / per_second_);
    turn = paid_until_ - now;
  }
  if (turn > absl::ZeroDuration()) wait_(turn, stop);
  if (stop.stop_requested()) return absl::CancelledError("stopped while keeping to a rate limit");
  return absl::OkStatus();
}

uint64_t RateLimiter::piece() const {
  return std::max(kSmallestPiece, static_cast<uint64_t>(std::min(per_second_ / 4, 1e12)));
}

absl::StatusOr<size_t> LimitedSource::Read(char* buffer, size_t size) {
  const size_t wanted = std::min<uint64_t>(size, limiter_->piece());
  ASSIGN_OR_RETURN(const size_t count, below_->Read(buffer, wanted));
  if (count > 0) RETURN_IF_ERROR(limiter_->Take(count, stop_));
  return count;
}

}  // namespace stevedore::transfer
