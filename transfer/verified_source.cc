#include "transfer/verified_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {

VerifiedSource::VerifiedSource(std::unique_ptr<base::ByteSource> source, oci::Descriptor blob,
                               std::string place, std::stop_token stop)
    : source_(std::move(source)),
      blob_(std::move(blob)),
      place_(std::move(place)),
      stop_(std::move(stop)),
      hasher_(blob_.digest.hash_algorithm()) {}

absl::StatusOr<size_t> VerifiedSource::Read(char* buffer, size_t size) {
  if (stop_.stop_requested()) return absl::CancelledError("reading a blob was cancelled");
  if (checked_) return 0;
  ASSIGN_OR_RETURN(const size_t read, source_->Read(buffer, size), place_);
  hasher_.Update(absl::string_view(buffer, read));
  offset_ += read;
  if (read > 0 && offset_ <= blob_.size) return read;
  if (offset_ != blob_.size ||
      oci::Digest::FromRaw(blob_.digest.hash_algorithm(), hasher_.Finish()) != blob_.digest) {
    return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " of ", place_,
                                            " is damaged; remove it and build or copy again"));
  }
  checked_ = true;
  return 0;
}

}  // namespace stevedore::transfer
