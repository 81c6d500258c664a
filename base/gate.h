// Counts work in flight so that stopping can wait for it.

#ifndef STEVEDORE_BASE_GATE_H_
#define STEVEDORE_BASE_GATE_H_

#include "base/mutex.h"

namespace stevedore::base {

// Work enters and leaves; Close refuses new work and returns when the last has left. Thread-safe.
class Gate {
 public:
  // True if the gate is open; the caller must then call Leave exactly once.
  [[nodiscard]] bool Enter() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (closed_) return false;
    ++inside_;
    return true;
  }

  void Leave() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (--inside_ == 0) left_.SignalAll();
  }

  // May be called several times and from several threads; never from work that is inside.
  void Close() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    closed_ = true;
    while (inside_ > 0) left_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar left_;
  int inside_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_GATE_H_
