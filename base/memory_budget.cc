#include "base/memory_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace stevedore::base {

MemoryBudget::Lease& MemoryBudget::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = other.bytes_;
  }
  return *this;
}

void MemoryBudget::Lease::Release() {
  if (MemoryBudget* budget = std::exchange(budget_, nullptr)) budget->Return(bytes_);
}

absl::StatusOr<MemoryBudget::Lease> MemoryBudget::Take(uint64_t bytes, std::stop_token stop) {
  if (bytes > limit_bytes_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "needs ", bytes, " bytes of memory, above the whole budget of ", limit_bytes_));
  }
  std::stop_callback wake(stop, [this] {
    // Taking the lock orders the notification after a waiter's check of `stop`.
    MutexLock lock(&mu_);
    changed_.SignalAll();
  });
  MutexLock lock(&mu_);
  const uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  while (!(waiting_.front() == ticket && free_bytes_ >= bytes)) {
    if (stop.stop_requested()) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
      changed_.SignalAll();
      return absl::CancelledError("cancelled while waiting for memory");
    }
    changed_.Wait(&mu_);
  }
  waiting_.pop_front();
  free_bytes_ -= bytes;
  changed_.SignalAll();
  return Lease(this, bytes);
}

std::optional<MemoryBudget::Lease> MemoryBudget::TryTake(uint64_t bytes) {
  MutexLock lock(&mu_);
  if (!waiting_.empty() || free_bytes_ < bytes) return std::nullopt;
  free_bytes_ -= bytes;
  return Lease(this, bytes);
}

void MemoryBudget::Return(uint64_t bytes) {
  MutexLock lock(&mu_);
  free_bytes_ += bytes;
  changed_.SignalAll();
}

}  // namespace stevedore::base
