#include "oci/layer/retimed_tar.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {

absl::Status RetimedTar::Advance() {
  pending_.assign(padding_, '\0');
  pending_position_ = 0;
  padding_ = 0;
  ASSIGN_OR_RETURN(const std::optional<TarEntry> next, reader_.Next());
  if (!next.has_value()) {
    pending_.append(kTarEndBytes, '\0');
    ended_ = true;
    return absl::OkStatus();
  }
  content_left_ = next->entry.size;
  padding_ = TarPadded(content_left_) - content_left_;
  return AppendTarHeader(next->entry, {.mtime = mtime_}, &pending_);
}

absl::StatusOr<size_t> RetimedTar::Read(char* buffer, size_t size) {
  while (pending_position_ == pending_.size() && content_left_ == 0) {
    if (ended_) return size_t{0};
    RETURN_IF_ERROR(Advance());
  }
  if (pending_position_ < pending_.size()) {
    const size_t n = std::min(size, pending_.size() - pending_position_);
    std::memcpy(buffer, pending_.data() + pending_position_, n);
    pending_position_ += n;
    return n;
  }
  const size_t want = static_cast<size_t>(std::min<uint64_t>(size, content_left_));
  ASSIGN_OR_RETURN(const size_t n, reader_.Read(buffer, want));
  if (n == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tar ends ", content_left_, " bytes before the end of a file"));
  }
  content_left_ -= n;
  return n;
}

}  // namespace stevedore::oci
