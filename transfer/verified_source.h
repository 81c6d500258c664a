// Blobs that are checked while they are read.

#ifndef STEVEDORE_TRANSFER_VERIFIED_SOURCE_H_
#define STEVEDORE_TRANSFER_VERIFIED_SOURCE_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "oci/image/descriptor.h"

namespace stevedore::transfer {

// Passes `source` on; the read that would return the end, or a byte too many, returns DATA_LOSS
// (naming `place` and the blob) if size or digest are not those of `blob`. CANCELLED when stopped.
// Not thread-safe.
class VerifiedSource final : public base::ByteSource {
 public:
  // `blob.digest` must not be empty.
  VerifiedSource(std::unique_ptr<base::ByteSource> source, oci::Descriptor blob, std::string place,
                 std::stop_token stop);
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const oci::Descriptor blob_;
  const std::string place_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  uint64_t offset_ = 0;
  bool checked_ = false;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_VERIFIED_SOURCE_H_
