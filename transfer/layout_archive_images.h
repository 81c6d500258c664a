// An image layout in one tar file ("oci-archive"), as a place to read images from.

#ifndef STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_IMAGES_H_
#define STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_IMAGES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transfer/archive_file.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// Reads without unpacking. Thread-safe.
class LayoutArchiveImages final : public ListedImages {
 public:
  // INVALID_ARGUMENT if `archive` is no layout of version 1.0.0, or its index.json is damaged.
  static absl::StatusOr<std::unique_ptr<LayoutArchiveImages>> Open(
      std::unique_ptr<ArchiveFile> archive);

  std::string Describe() const override;

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override { return entries_; }
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override;

 private:
  LayoutArchiveImages(std::unique_ptr<ArchiveFile> archive, std::vector<oci::Descriptor> entries)
      : archive_(std::move(archive)), entries_(std::move(entries)) {}

  const std::unique_ptr<ArchiveFile> archive_;
  const std::vector<oci::Descriptor> entries_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_IMAGES_H_
