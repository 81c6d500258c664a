// A clock that moves when a test says so.

#ifndef STEVEDORE_BASE_TESTING_FAKE_CLOCK_H_
#define STEVEDORE_BASE_TESTING_FAKE_CLOCK_H_

#include "base/clock.h"
#include "base/mutex.h"

namespace stevedore::base::testing {

// Starts at 2026-01-01T00:00:00Z, one hour after boot. Thread-safe.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(&mu_);
    return absl::FromUnixSeconds(1767225600) + elapsed_;
  }
  absl::Duration SinceBoot() const override {
    MutexLock lock(&mu_);
    return absl::Hours(1) + elapsed_;
  }
  // Moves both clocks on.
  void Advance(absl::Duration step) {
    MutexLock lock(&mu_);
    elapsed_ += step;
  }

 private:
  mutable Mutex mu_;
  absl::Duration elapsed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::base::testing

#endif  // STEVEDORE_BASE_TESTING_FAKE_CLOCK_H_
