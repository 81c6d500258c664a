// A tree of files shaped as a registry's URLs ("static:"), for a web server that only serves files.

#ifndef STEVEDORE_TRANSFER_STATIC_IMAGES_H_
#define STEVEDORE_TRANSFER_STATIC_IMAGES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "transfer/folder_blobs.h"
#include "transfer/image_sink.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// The repository NAME below `v2/`: `v2/NAME/manifests/<tag or digest>` with the media type in
// `….mediatype` beside it, `v2/NAME/blobs/<digest>`, `v2/NAME/tags/list` and, of attached
// artifacts, `v2/NAME/referrers/<digest>`. Manifests are under their digest always. Thread-safe;
// one writer at a time.
class StaticImages final : public ListedImages, public ImageSink {
 public:
  // `repository` may be empty if there is one in the tree. NOT_FOUND, naming what there is,
  // otherwise.
  static absl::StatusOr<std::unique_ptr<StaticImages>> Open(const std::string& root,
                                                            const std::string& repository);
  // Makes what is missing. An empty `repository` is "image".
  static absl::StatusOr<std::unique_ptr<StaticImages>> OpenOrCreate(const std::string& root,
                                                                    const std::string& repository);

  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop = {}) override;
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
                                          std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  // Blobs stay.
  absl::Status DeleteManifest(const std::string& tag_or_digest, std::stop_token stop = {}) override
      ABSL_LOCKS_EXCLUDED(mu_);
  ImageSource* Readable() override { return this; }
  std::string Describe() const override;

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override;
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override;
  absl::StatusOr<std::string> NameOf(const std::string& tag) const override;

 private:
  StaticImages(std::string root, std::string repository);

  std::string Folder(absl::string_view kind) const;
  std::string ManifestPath(const std::string& tag_or_digest) const;
  absl::Status WriteManifest(const std::string& name, absl::string_view bytes,
                             const std::string& media_type) const;
  absl::Status RemoveManifestFile(const std::string& name) const;
  absl::Status WriteTags() const;
  absl::Status WriteReferrers(absl::string_view bytes);

  const std::string root_;
  const std::string repository_;
  const FolderBlobs blobs_;
  base::Mutex mu_;  // Only one manifest at a time: lists are read and written.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_STATIC_IMAGES_H_
