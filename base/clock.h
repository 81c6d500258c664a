// Time as a dependency.

#ifndef STEVEDORE_BASE_CLOCK_H_
#define STEVEDORE_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace stevedore::base {

// Where code that decides by time gets it from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time, for showing to people and for ages. May jump.
  virtual absl::Time Now() const = 0;

  // Time since boot including suspend (CLOCK_BOOTTIME): never jumps back, comparable on one machine
  // only.
  virtual absl::Duration SinceBoot() const = 0;

  // The machine's own clock. Lives for ever.
  static const Clock& System();
};

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_CLOCK_H_
