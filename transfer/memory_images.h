// Images in memory: for tests, and for small images that are made and then copied.

#ifndef STEVEDORE_TRANSFER_MEMORY_IMAGES_H_
#define STEVEDORE_TRANSFER_MEMORY_IMAGES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "transfer/image_sink.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// A place that keeps everything in memory, without a limit: blobs of real images belong elsewhere.
// Behaves as a layout. Thread-safe.
class MemoryImages final : public ListedImages, public ImageSink {
 public:
  // `name` is what Describe says: "memory (shop/web)".
  explicit MemoryImages(std::string name = "memory") : name_(std::move(name)) {}

  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token stop = {}) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token stop = {}) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop = {}) override;
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop = {}) override;
  absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest, absl::string_view bytes,
                                          const std::string& media_type,
                                          std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status DeleteManifest(const std::string& tag_or_digest, std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Finish(std::stop_token stop = {}) override ABSL_LOCKS_EXCLUDED(mu_);
  ImageSource* Readable() override { return this; }
  std::string Describe() const override { return name_; }

  // A small blob in one go; `media_type` goes into the descriptor that is returned.
  oci::Descriptor AddBlob(std::string bytes, const std::string& media_type = "")
      ABSL_LOCKS_EXCLUDED(mu_);
  // Whether Finish was called.
  bool finished() const ABSL_LOCKS_EXCLUDED(mu_);

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string name_;
  mutable base::Mutex mu_;
  // Shared with the streams that read them.
  std::map<oci::Digest, std::shared_ptr<const std::string>> blobs_ ABSL_GUARDED_BY(mu_);
  std::vector<oci::Descriptor> entries_ ABSL_GUARDED_BY(mu_);
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_MEMORY_IMAGES_H_
