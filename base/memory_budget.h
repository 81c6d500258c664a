// One limit for the large buffers of a process.

#ifndef STEVEDORE_BASE_MEMORY_BUDGET_H_
#define STEVEDORE_BASE_MEMORY_BUDGET_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace stevedore::base {

// Hands out parts of a fixed number of bytes; who wants more than is left waits. It counts, it does
// not allocate. Waiters are served in order of arrival, so a large request is not starved by small
// ones. Thread-safe.
class MemoryBudget {
 public:
  // A part of the budget, given back when destroyed. Move-only. Must not outlive the budget.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { Release(); }

    uint64_t bytes() const { return budget_ == nullptr ? 0 : bytes_; }
    // Gives the part back now. Further calls do nothing.
    void Release();

   private:
    friend class MemoryBudget;
    Lease(MemoryBudget* budget, uint64_t bytes) : budget_(budget), bytes_(bytes) {}
    MemoryBudget* budget_ = nullptr;
    uint64_t bytes_ = 0;
  };

  explicit MemoryBudget(uint64_t limit_bytes)
      : limit_bytes_(limit_bytes), free_bytes_(limit_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  uint64_t limit_bytes() const { return limit_bytes_; }

  // Waits until `bytes` are free. INVALID_ARGUMENT if `bytes` is above the whole limit (it would
  // wait for ever), CANCELLED if `stop` was requested first.
  absl::StatusOr<Lease> Take(uint64_t bytes, std::stop_token stop = {}) ABSL_LOCKS_EXCLUDED(mu_);

  // As Take, but nullopt where it would wait.
  std::optional<Lease> TryTake(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Return(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  const uint64_t limit_bytes_;
  Mutex mu_;
  CondVar changed_;
  uint64_t free_bytes_ ABSL_GUARDED_BY(mu_);
  uint64_t next_ticket_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<uint64_t> waiting_ ABSL_GUARDED_BY(mu_);  // Tickets, first to be served first.
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_MEMORY_BUDGET_H_
