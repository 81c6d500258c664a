#include "oci/layer/digesting_sink.h"

#include "base/status.h"

namespace stevedore::oci {

absl::Status DigestingSink::Write(absl::string_view bytes) {
  hasher_.Update(bytes);
  size_ += bytes.size();
  return below_ == nullptr ? absl::OkStatus() : below_->Write(bytes);
}

absl::Status DigestingSink::Close() {
  if (below_ != nullptr) RETURN_IF_ERROR(below_->Close());
  digest_ = Digest::FromRaw(algorithm_, hasher_.Finish());
  return absl::OkStatus();
}

}  // namespace stevedore::oci
