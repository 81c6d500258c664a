// An image layout folder as a place for images, under the plain names of its index.json.

#ifndef STEVEDORE_TRANSFER_LAYOUT_IMAGES_H_
#define STEVEDORE_TRANSFER_LAYOUT_IMAGES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/layout/layout.h"
#include "transfer/image_sink.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// All images of one oci::Layout; the tag "1.4" is the ref name "1.4". What is put by digest is
// listed without a name, until an index that names it is put. Thread-safe, also across processes.
class LayoutImages : public ListedImages, public ImageSink {
 public:
  explicit LayoutImages(oci::Layout layout) : layout_(std::move(layout)) {}

  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop = {}) override;
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token stop = {}) override;
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token stop = {}) override;
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop = {}) override;
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop = {}) override;
  absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest, absl::string_view bytes,
                                          const std::string& media_type,
                                          std::stop_token stop = {}) override;
  // Blobs stay.
  absl::Status DeleteManifest(const std::string& tag_or_digest, std::stop_token stop = {}) override;
  ImageSource* Readable() override { return this; }
  std::string Describe() const override;

  const oci::Layout& layout() const { return layout_; }

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override;
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override;

 private:
  const oci::Layout layout_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYOUT_IMAGES_H_
