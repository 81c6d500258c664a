// A driver for measuring everything around drivers.

#ifndef STEVEDORE_WORKER_DRIVERS_SLEEP_H_
#define STEVEDORE_WORKER_DRIVERS_SLEEP_H_

#include "worker/drivers/driver.h"

namespace stevedore::worker {

// Waits for the option `duration` (zero: not at all) and makes an image without layers that depends
// on the platform and the labels only. Thread-safe.
class SleepDriver final : public Driver {
 public:
  absl::string_view name() const override { return "sleep"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_SLEEP_H_
