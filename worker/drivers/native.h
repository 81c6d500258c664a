// Dockerfiles without a daemon.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_H_

#include <utility>

#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// Executes Dockerfiles whose needed stages have no RUN: no daemon, no container, nothing is run.
// Files and config are those that BuildKit would make; times are SOURCE_DATE_EPOCH, and equal
// inputs make equal images. Layers are written several at once. Thread-safe.
class NativeDriver final : public Driver {
 public:
  explicit NativeDriver(DriverResources resources) : resources_(std::move(resources)) {}

  absl::string_view name() const override { return "native"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;

 private:
  const DriverResources resources_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_H_
