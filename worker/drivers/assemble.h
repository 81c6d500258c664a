// Images declared as data: layers from files and tars, no daemon, nothing is run.

#ifndef STEVEDORE_WORKER_DRIVERS_ASSEMBLE_H_
#define STEVEDORE_WORKER_DRIVERS_ASSEMBLE_H_

#include <utility>

#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"

namespace stevedore::worker {

// Builds what graph::AssembleOptions describes: the base's layers, history and config, then the
// declared layers, several at once, each written straight into the output. The result depends on
// the request only: not on threads, clocks, the order of directories or what the cache knew.
// Thread-safe.
class AssembleDriver final : public Driver {
 public:
  explicit AssembleDriver(DriverResources resources) : resources_(std::move(resources)) {}

  absl::string_view name() const override { return "assemble"; }
  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, std::stop_token stop) override;

 private:
  const DriverResources resources_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_ASSEMBLE_H_
