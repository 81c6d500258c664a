// Reading one blob from a registry.

#ifndef STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_
#define STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_

#include <cstdint>
#include <memory>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "oci/image/descriptor.h"
#include "oci/image/reference.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {

// The bytes of a blob, hashed as they pass. When the connection breaks, the rest is asked for by a
// range request. Not thread-safe.
class BlobDownload final : public base::ByteSource {
 public:
  // NOT_FOUND if the blob is not there. `session` must outlive the download.
  static absl::StatusOr<std::unique_ptr<BlobDownload>> Start(RegistrySession* session,
                                                             oci::Reference repository,
                                                             oci::Descriptor blob,
                                                             std::stop_token stop);

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  BlobDownload(RegistrySession* session, oci::Reference repository, oci::Descriptor blob,
               std::stop_token stop);

  absl::Status Connect();
  absl::Status CheckRange(const Answer& answer) const;
  absl::Status CheckEnd();

  RegistrySession* const session_;
  const oci::Reference repository_;
  const oci::Descriptor blob_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  Retries retries_;
  Answer answer_;
  uint64_t offset_ = 0;  // Bytes read so far.
  uint64_t skip_ = 0;  // Bytes of this answer that were read before: the server ignored the range.
  bool checked_ = false;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_
