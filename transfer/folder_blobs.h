// Files of a folder that are named by their digests.

#ifndef STEVEDORE_TRANSFER_FOLDER_BLOBS_H_
#define STEVEDORE_TRANSFER_FOLDER_BLOBS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "transfer/image_sink.h"

namespace stevedore::transfer {

// Opens the regular file at `path`. NOT_FOUND if there is none, or something else: links and pipes
// in a folder from somebody else are not followed. Thread-safe.
absl::StatusOr<base::FileDescriptor> OpenRegularFile(const std::string& path);
// The small regular file at `path`, as above. RESOURCE_EXHAUSTED above `limit_bytes`.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path, uint64_t limit_bytes);

// Blobs as files, which appear whole (temporary file beside them, fsync, rename). Thread-safe, also
// across processes.
class FolderBlobs {
 public:
  // A file's name below the folder.
  using Naming = std::function<std::string(const oci::Digest&)>;

  // `folder` must be there; `place` is for messages.
  FolderBlobs(std::string folder, Naming naming, std::string place)
      : folder_(std::move(folder)), naming_(std::move(naming)), place_(std::move(place)) {}

  std::string PathOf(const oci::Digest& digest) const {
    return base::JoinPath(folder_, naming_(digest));
  }
  // nullopt if it is not there.
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const;
  // Not verified.
  absl::StatusOr<std::unique_ptr<base::ByteSource>> Open(const oci::Digest& digest) const;

  // As the methods of ImageSink.
  absl::StatusOr<bool> HasBlob(const oci::Digest& digest) const;
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       const std::stop_token& stop) const;
  // This must outlive the upload.
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop) const;
  // Copies, for the folder's files to be nobody else's.
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             const std::stop_token& stop) const;

 private:
  friend class FolderUpload;

  const std::string folder_;
  const Naming naming_;
  const std::string place_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_FOLDER_BLOBS_H_
