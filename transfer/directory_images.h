// One image in a flat folder ("dir:"), as skopeo lays it out.

#ifndef STEVEDORE_TRANSFER_DIRECTORY_IMAGES_H_
#define STEVEDORE_TRANSFER_DIRECTORY_IMAGES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transfer/folder_blobs.h"
#include "transfer/image_sink.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// `manifest.json` is the image; blobs are files named by the hex digits of their digests ("sha512-"
// before those of that algorithm); manifests that an index names, or that are attached, are
// `<hex>.manifest.json`; `version` says which layout this is. Any tag means the image. Thread-safe.
class DirectoryImages final : public ListedImages, public ImageSink {
 public:
  // NOT_FOUND if there is no manifest.json in `directory`.
  static absl::StatusOr<std::unique_ptr<DirectoryImages>> Open(const std::string& directory);
  // Makes the folder. FAILED_PRECONDITION if it holds something else.
  static absl::StatusOr<std::unique_ptr<DirectoryImages>> OpenOrCreate(
      const std::string& directory);

  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop = {}) override;
  absl::StatusOr<oci::Descriptor> Only() const override;
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
  // Removes the files of an image that was here before.
  absl::Status Finish(std::stop_token stop = {}) override;
  ImageSource* Readable() override { return this; }
  std::string Describe() const override;

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override;
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override;
  absl::StatusOr<std::string> NameOf(const std::string& tag) const override;

 private:
  explicit DirectoryImages(std::string directory);

  std::string PathOf(const std::string& name) const;
  // The file with the content that `digest` names: a blob or a manifest; empty if it is not there.
  absl::StatusOr<std::string> FileOf(const oci::Digest& digest) const;
  // manifest.json, nullopt if there is none.
  absl::StatusOr<std::optional<oci::Descriptor>> Main() const;

  const std::string directory_;
  const FolderBlobs blobs_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DIRECTORY_IMAGES_H_
