#include "transfer/limited_images.h"

#include "base/status.h"

namespace stevedore::transfer {

absl::StatusOr<std::unique_ptr<base::ByteSource>> LimitedImages::OpenBlob(
    const oci::Descriptor& blob, std::stop_token stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> stream, below_->OpenBlob(blob, stop));
  return std::make_unique<LimitedSource>(std::move(stream), bytes_, stop);
}

}  // namespace stevedore::transfer
