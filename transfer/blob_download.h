// Reading one blob from a registry.

#ifndef STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_
#define STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "http/client.h"
#include "oci/image/descriptor.h"
#include "oci/image/reference.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {

// Descriptor::size of a blob of which only the digest is known: its end is where it ends.
inline constexpr uint64_t kUnknownBlobSize = http::kUnknownSize;

// The bytes of a blob, hashed as they pass. When the connection breaks, the rest is asked for by a
// range request; when a mirror fails, from the next place. Not thread-safe.
class BlobDownload final : public base::ByteSource {
 public:
  // NOT_FOUND if the blob is not there. `session` must outlive the download.
  static absl::StatusOr<std::unique_ptr<BlobDownload>> Start(RegistrySession* session,
                                                             oci::Reference repository,
                                                             oci::Descriptor blob,
                                                             std::stop_token stop);

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  BlobDownload(RegistrySession* session, std::vector<oci::Reference> places, oci::Descriptor blob,
               std::stop_token stop);

  bool at_last_place() const { return place_ + 1 == places_.size(); }
  std::string Doing() const;
  // Connects to this place, or the next ones if it is a mirror that fails.
  absl::Status Connect();
  absl::Status ConnectHere();
  // After `failure`: waits and connects again, here or at the next place.
  absl::Status Resume(const absl::Status& failure);
  // One read of the answer, watched for its speed.
  absl::StatusOr<size_t> ReadWatched(char* buffer, size_t size);
  absl::Status CheckRange(const Answer& answer) const;
  absl::Status CheckEnd();

  RegistrySession* const session_;
  const std::vector<oci::Reference> places_;  // Mirrors, then its own.
  size_t place_ = 0;
  const oci::Descriptor blob_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  Retries retries_;
  Answer answer_;
  uint64_t offset_ = 0;  // Bytes read so far.
  uint64_t skip_ = 0;  // Bytes of this answer that were read before: the server ignored the range.
  bool checked_ = false;
  // Since the speed was last judged: time spent waiting for bytes, and how many came.
  absl::Duration waited_ = absl::ZeroDuration();
  uint64_t came_ = 0;
  int slow_times_ = 0;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_BLOB_DOWNLOAD_H_
