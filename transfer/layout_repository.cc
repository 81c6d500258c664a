#include "transfer/layout_repository.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/media_type.h"

namespace stevedore::transfer {
namespace {

bool IsDigest(const std::string& tag_or_digest) { return absl::StrContains(tag_or_digest, ':'); }

// The bytes of a blob of a folder, verified as they pass.
class VerifiedSource final : public base::ByteSource {
 public:
  VerifiedSource(std::unique_ptr<base::ByteSource> source, oci::Descriptor blob, std::string place,
                 std::stop_token stop)
      : source_(std::move(source)),
        blob_(std::move(blob)),
        place_(std::move(place)),
        stop_(std::move(stop)),
        hasher_(blob_.digest.hash_algorithm()) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("reading a blob was cancelled");
    ASSIGN_OR_RETURN(const size_t read, source_->Read(buffer, size));
    if (read == 0 && checked_) return 0;
    hasher_.Update(absl::string_view(buffer, read));
    offset_ += read;
    if (read > 0 && offset_ <= blob_.size) return read;
    if (offset_ != blob_.size ||
        oci::Digest::FromRaw(blob_.digest.hash_algorithm(), hasher_.Finish()) != blob_.digest) {
      return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " of ", place_,
                                              " is damaged; remove it and build or copy again"));
    }
    checked_ = true;
    return 0;
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const oci::Descriptor blob_;
  const std::string place_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  uint64_t offset_ = 0;
  bool checked_ = false;
};

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

std::string MediaTypeOf(const std::string& bytes) {
  const nlohmann::json json = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  if (json.contains("mediaType") && json["mediaType"].is_string()) {
    return json["mediaType"].get<std::string>();
  }
  return json.contains("manifests") ? oci::kOciIndex : oci::kOciManifest;
}

}  // namespace

std::string LayoutRepository::Describe() const {
  return absl::StrCat("oci:", layout_->directory(), " (", repository_.Name(), ")");
}

absl::StatusOr<std::string> LayoutRepository::RefName(const std::string& tag) const {
  ASSIGN_OR_RETURN(const oci::Reference image, repository_.WithTag(tag));
  return image.Canonical();
}

absl::StatusOr<std::optional<oci::Descriptor>> LayoutRepository::HeadManifest(
    const std::string& tag_or_digest, std::stop_token) {
  if (!IsDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(const std::string name, RefName(tag_or_digest));
    absl::StatusOr<oci::Descriptor> found = layout_->Find(name);
    if (absl::IsNotFound(found.status())) return std::nullopt;
    RETURN_IF_ERROR(found.status(), Describe());
    if (!layout_->HasBlob(found->digest)) return std::nullopt;
    return oci::Descriptor{
        .media_type = found->media_type, .digest = found->digest, .size = found->size};
  }
  // By digest any manifest may be meant, also one that only an index names.
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(tag_or_digest));
  if (!layout_->HasBlob(digest)) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string bytes, layout_->ReadBlob(digest), Describe());
  return oci::Descriptor{.media_type = MediaTypeOf(bytes), .digest = digest, .size = bytes.size()};
}

absl::StatusOr<RawManifest> LayoutRepository::GetManifest(const std::string& tag_or_digest,
                                                          std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> found, HeadManifest(tag_or_digest, stop));
  if (!found.has_value()) {
    return absl::NotFoundError(absl::StrCat(Describe(), " has no manifest ", tag_or_digest));
  }
  ASSIGN_OR_RETURN(std::string bytes, layout_->ReadBlob(found->digest), Describe());
  return RawManifest{std::move(bytes), found->media_type, found->digest};
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> LayoutRepository::OpenBlob(
    const oci::Descriptor& blob, std::stop_token stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, layout_->OpenBlob(blob.digest),
                   Describe());
  return std::make_unique<VerifiedSource>(std::move(source), blob, Describe(), stop);
}

absl::StatusOr<bool> LayoutRepository::HasBlob(const oci::Digest& digest, std::stop_token) {
  return layout_->HasBlob(digest);
}

absl::Status LayoutRepository::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                       std::stop_token stop) {
  if (layout_->HasBlob(blob.digest)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, opener());
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobUpload> upload, StartBlob(stop));
  ASSIGN_OR_RETURN(const uint64_t copied, base::CopyAll(*source, *upload, blob.size));
  if (copied != blob.size) {
    return absl::DataLossError(absl::StrCat("blob ", blob.digest.ToString(), " for ", Describe(),
                                            ": ", copied, " bytes came instead of ", blob.size));
  }
  RETURN_IF_ERROR(upload->Commit(blob.digest).status(), Describe());
  return absl::OkStatus();
}

absl::StatusOr<bool> LayoutRepository::MountBlob(const oci::Digest& digest, const std::string&,
                                                 std::stop_token) {
  return layout_->HasBlob(digest);
}

absl::StatusOr<std::unique_ptr<BlobUpload>> LayoutRepository::StartBlob(std::stop_token stop) {
  ASSIGN_OR_RETURN(std::unique_ptr<oci::BlobWriter> writer, layout_->StartBlob(), Describe());
  return std::make_unique<LayoutUpload>(std::move(writer), stop);
}

absl::Status LayoutRepository::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                             std::stop_token) {
  return layout_->AdoptBlob(blob.digest, path);
}

absl::StatusOr<oci::Digest> LayoutRepository::PutManifest(const std::string& tag_or_digest,
                                                          absl::string_view bytes,
                                                          const std::string& media_type,
                                                          std::stop_token) {
  std::optional<std::string> name;
  if (IsDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(tag_or_digest));
    if (!digest.Verify(bytes).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Describe(), ": manifest ", tag_or_digest,
                       " has other bytes: ", oci::Digest::Of(bytes).ToString()));
    }
  } else {
    ASSIGN_OR_RETURN(name, RefName(tag_or_digest));
  }
  ASSIGN_OR_RETURN(const oci::Descriptor stored, layout_->PutManifest(bytes, media_type, name),
                   Describe());
  return stored.digest;
}

}  // namespace stevedore::transfer
