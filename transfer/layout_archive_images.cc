#include "transfer/layout_archive_images.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/index.h"

namespace stevedore::transfer {
namespace {

// As for index.json of a folder.
constexpr uint64_t kMaxIndexBytes = 64 << 20;
constexpr uint64_t kMaxVersionBytes = 4096;

absl::Status CheckVersion(const ArchiveFile& archive) {
  const absl::StatusOr<std::string> text = archive.Read("oci-layout", kMaxVersionBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        archive.name(), " has no file oci-layout, so it is no oci-archive",
        archive.Find("manifest.json").has_value()
            ? "; it has a manifest.json as archives of `docker save`: try docker-archive:"
            : ""));
  }
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const nlohmann::json json, oci::ParseJson(*text), archive.name(),
                   ": oci-layout");
  if (json.is_object() && json.value("imageLayoutVersion", nlohmann::json()) == "1.0.0") {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(archive.name(), ": oci-layout holds ",
                                                 base::Quoted(*text),
                                                 "; only version 1.0.0 is supported"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayoutArchiveImages>> LayoutArchiveImages::Open(
    std::unique_ptr<ArchiveFile> archive) {
  RETURN_IF_ERROR(CheckVersion(*archive));
  ASSIGN_OR_RETURN(std::string bytes, archive->Read("index.json", kMaxIndexBytes));
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(bytes), "", kMaxIndexBytes),
                   archive->name(), ": index.json");
  return std::unique_ptr<LayoutArchiveImages>(
      new LayoutArchiveImages(std::move(archive), index.manifests()));
}

std::string LayoutArchiveImages::Describe() const {
  return absl::StrCat("oci-archive:", archive_->name());
}

absl::StatusOr<std::optional<uint64_t>> LayoutArchiveImages::SizeOf(
    const oci::Digest& digest) const {
  const std::optional<ArchiveFile::File> file =
      archive_->Find(absl::StrCat("blobs/", digest.Path()));
  if (!file.has_value()) return std::nullopt;
  return file->size;
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> LayoutArchiveImages::OpenContent(
    const oci::Digest& digest) const {
  const std::optional<ArchiveFile::File> file =
      archive_->Find(absl::StrCat("blobs/", digest.Path()));
  if (!file.has_value()) return absl::NotFoundError(digest.ToString());
  return archive_->OpenFile(*file);
}

}  // namespace stevedore::transfer
