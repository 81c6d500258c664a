// One repository inside an image layout, as a place for images.

#ifndef STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_
#define STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// A view of an oci::Layout in which the tag "1.4" of shop/web is the ref name
// "localhost:5000/shop/web:1.4" (Reference::Canonical). All repositories of one layout share its
// blobs. Thread-safe, also across processes.
class LayoutRepository final : public ImageSource, public ImageSink {
 public:
  // `layout` must outlive this. Of `repository` only registry and repository count.
  LayoutRepository(const oci::Layout* layout, oci::Reference repository)
      : layout_(layout), repository_(std::move(repository)) {}

  absl::StatusOr<RawManifest> GetManifest(const std::string& tag_or_digest,
                                          std::stop_token stop = {}) override;
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& tag_or_digest,
                                                              std::stop_token stop = {}) override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token stop = {}) override;
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
  ImageSource* Readable() override { return this; }
  std::string Describe() const override;

 private:
  // The ref name that stands for `tag`.
  absl::StatusOr<std::string> RefName(const std::string& tag) const;

  const oci::Layout* const layout_;
  const oci::Reference repository_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_
