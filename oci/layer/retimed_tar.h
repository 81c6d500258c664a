// A tar with other times.

#ifndef STEVEDORE_OCI_LAYER_RETIMED_TAR_H_
#define STEVEDORE_OCI_LAYER_RETIMED_TAR_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::oci {

// The entries of a tar in their order, every time `mtime`, in the one form that we write (see
// tar_header.h): names of owners, sub-second times and padding of other tools are gone, files and
// whiteouts are the same. A stream: memory is that of TarReader. Fails as TarReader does. Not
// thread-safe.
class RetimedTar final : public base::ByteSource {
 public:
  // Reads the uncompressed `tar`, which must outlive it. `mtime` is in seconds since 1970, not
  // negative.
  RetimedTar(base::ByteSource* tar, int64_t mtime) : reader_(tar), mtime_(mtime) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  // Fills `pending_` with what comes next besides content.
  absl::Status Advance();

  TarReader reader_;
  const int64_t mtime_;
  std::string pending_;  // Headers and padding on their way out.
  size_t pending_position_ = 0;
  uint64_t content_left_ = 0;  // Of the current entry.
  uint64_t padding_ = 0;       // After it.
  bool ended_ = false;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_RETIMED_TAR_H_
