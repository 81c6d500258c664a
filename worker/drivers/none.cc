#include "worker/drivers/none.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace stevedore::worker {

absl::StatusOr<BuiltImage> NoneDriver::Build(const BuildRequest& request,
                                             std::stop_token /*stop*/) {
  return absl::FailedPreconditionError(
      absl::StrCat(request.source, request.source.empty() ? "" : ": ", "image ", request.id,
                   " has no builder; it is made elsewhere: push ", request.reference,
                   " there, or give it a builder"));
}

}  // namespace stevedore::worker
