#include "transfer/layout_images.h"

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "transfer/put_checks.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {
namespace {

// A blob on its way into the folder.
class LayoutUpload final : public BlobUpload {
 public:
  LayoutUpload(std::unique_ptr<oci::BlobWriter> writer, std::stop_token stop)
      : writer_(std::move(writer)), stop_(std::move(stop)) {}

  absl::Status Write(absl::string_view bytes) override {
    if (stop_.stop_requested()) return absl::CancelledError("writing a blob was cancelled");
    return writer_->Write(bytes);
  }
  absl::Status Close() override { return writer_->Close(); }
  absl::StatusOr<oci::Descriptor> Commit(const std::optional<oci::Digest>& expected) override {
    const uint64_t size = writer_->size();
    ASSIGN_OR_RETURN(oci::Digest digest, writer_->Commit(expected));
    return oci::Descriptor{.media_type = "", .digest = std::move(digest), .size = size};
  }

 private:
  const std::unique_ptr<oci::BlobWriter> writer_;
  const std::stop_token stop_;
};

}  // namespace

std::string LayoutImages::Describe() const { return absl::StrCat("oci:", layout_.directory()); }

absl::StatusOr<std::vector<oci::Descriptor>> LayoutImages::Entries() const {
  ASSIGN_OR_RETURN(const oci::Index index, layout_.ReadIndex(), Describe());
  return index.manifests();
}

absl::StatusOr<std::optional<uint64_t>> LayoutImages::SizeOf(const oci::Digest& digest) const {
  const absl::StatusOr<uint64_t> size = layout_.BlobSize(digest);
  if (absl::IsNotFound(size.status())) return std::nullopt;
  RETURN_IF_ERROR(size.status());
  return *size;
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> LayoutImages::OpenContent(
    const oci::Digest& digest) const {
  return layout_.OpenBlob(digest);
}

absl::StatusOr<bool> LayoutImages::HasBlob(const oci::Digest& digest, std::stop_token) {
  return layout_.HasBlob(digest);
}

absl::Status LayoutImages::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                   std::stop_token stop) {
  if (layout_.HasBlob(blob.digest)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<oci::BlobWriter> writer,
                   layout_.StartBlob(blob.digest.hash_algorithm()), Describe());
  RETURN_IF_ERROR(CopyBlob(blob, opener, *writer, Describe(), stop));
  return base::Annotate(writer->Commit(blob.digest).status(), Describe());
}

absl::StatusOr<bool> LayoutImages::MountBlob(const oci::Digest& digest, const std::string&,
                                             std::stop_token) {
  return layout_.HasBlob(digest);
}

absl::StatusOr<std::unique_ptr<BlobUpload>> LayoutImages::StartBlob(std::stop_token stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<oci::BlobWriter> writer, layout_.StartBlob(), Describe());
  return std::make_unique<LayoutUpload>(std::move(writer), std::move(stop));
}

absl::Status LayoutImages::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                         std::stop_token) {
  return layout_.AdoptBlob(blob.digest, path);
}

absl::StatusOr<oci::Digest> LayoutImages::PutManifest(const std::string& tag_or_digest,
                                                      absl::string_view bytes,
                                                      const std::string& media_type,
                                                      std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  std::optional<std::string> name;
  if (LooksLikeDigest(tag_or_digest)) {
    RETURN_IF_ERROR(CheckManifestDigest(tag_or_digest, bytes), Describe());
  } else {
    ASSIGN_OR_RETURN(name, NameOf(tag_or_digest));
  }
  ASSIGN_OR_RETURN(const oci::Descriptor stored, layout_.PutManifest(bytes, media_type, name),
                   Describe());
  return stored.digest;
}

absl::Status LayoutImages::DeleteManifest(const std::string& tag_or_digest, std::stop_token) {
  if (LooksLikeDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(tag_or_digest), Describe());
    return layout_.RemoveManifest(digest);
  }
  ASSIGN_OR_RETURN(const std::string name, NameOf(tag_or_digest));
  return layout_.RemoveReference(name);
}

}  // namespace stevedore::transfer
