// The driver of images that nobody builds here.

#ifndef STEVEDORE_WORKER_DRIVERS_NONE_H_
#define STEVEDORE_WORKER_DRIVERS_NONE_H_

#include "worker/drivers/driver.h"

namespace stevedore::worker {

// Images without a builder are made elsewhere. They are parents, never tasks; a task for one ends
// with an error that says what to do. Thread-safe.
class NoneDriver final : public Driver {
 public:
  absl::string_view name() const override { return "none"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_NONE_H_
