#include "worker/drivers/sleep.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/status.h"
#include "graph/assemble_options.h"

namespace stevedore::worker {
namespace {

// Until `duration` has passed, or CANCELLED as soon as `stop` is requested.
absl::Status Wait(absl::Duration duration, std::stop_token stop) {
  if (duration <= absl::ZeroDuration()) return absl::OkStatus();
  base::Mutex mu;
  base::CondVar changed;
  // Takes the lock, so that the request cannot fall between the check and the wait below.
  const std::stop_callback wake(stop, [&] {
    base::MutexLock lock(&mu);
    changed.SignalAll();
  });
  const absl::Time end = absl::Now() + duration;
  base::MutexLock lock(&mu);
  while (!stop.stop_requested()) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::OkStatus();
    changed.WaitFor(&mu, left);
  }
  return absl::CancelledError("the build was cancelled");
}

}  // namespace

absl::StatusOr<BuiltImage> SleepDriver::Build(const BuildRequest& request, std::stop_token stop) {
  ASSIGN_OR_RETURN(const graph::SleepOptions options,
                   graph::SleepOptions::Parse(request.options_json), request.source, ": image ",
                   request.id);
  RETURN_IF_ERROR(Wait(absl::Seconds(options.seconds), stop));
  oci::ImageEditor editor(request.platform);
  if (request.source_date_epoch.has_value()) {
    editor.SetSourceDateEpoch(*request.source_date_epoch);
  }
  editor.ChangeConfig({.labels = request.labels});
  BuiltImage built;
  ASSIGN_OR_RETURN(built.image, editor.Finish());
  return built;
}

}  // namespace stevedore::worker
