#include "transfer/registry_repository.h"

#include <vector>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::transfer {

absl::StatusOr<oci::Reference> RegistryRepository::At(const std::string& tag_or_digest) const {
  if (!absl::StrContains(tag_or_digest, ':')) return repository_.WithTag(tag_or_digest);
  ASSIGN_OR_RETURN(oci::Digest digest, oci::Digest::Parse(tag_or_digest));
  return repository_.WithDigest(std::move(digest));
}

absl::StatusOr<RawManifest> RegistryRepository::GetManifest(const std::string& tag_or_digest,
                                                            std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference image, At(tag_or_digest));
  return client_->GetManifest(image, stop);
}

absl::StatusOr<std::optional<oci::Descriptor>> RegistryRepository::HeadManifest(
    const std::string& tag_or_digest, std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference image, At(tag_or_digest));
  return client_->HeadManifest(image, stop);
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> RegistryRepository::OpenBlob(
    const oci::Descriptor& blob, std::stop_token stop) {
  return client_->GetBlob(repository_, blob, stop);
}

absl::StatusOr<bool> RegistryRepository::HasBlob(const oci::Digest& digest, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size,
                   client_->HeadBlob(repository_, digest, stop));
  return size.has_value();
}

absl::Status RegistryRepository::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                         std::stop_token stop) {
  return client_->PutBlob(repository_, blob, opener, stop);
}

absl::StatusOr<bool> RegistryRepository::MountBlob(const oci::Digest& digest,
                                                   const std::string& from, std::stop_token stop) {
  return client_->MountBlob(repository_, digest, from, stop);
}

absl::StatusOr<std::unique_ptr<BlobUpload>> RegistryRepository::StartBlob(std::stop_token stop) {
  return client_->StartBlob(repository_, stop);
}

absl::Status RegistryRepository::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                               std::stop_token stop) {
  const BlobOpener opener = [&path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, base::FileSource::Open(path));
    return source;
  };
  return client_->PutBlob(repository_, blob, opener, stop);
}

absl::StatusOr<oci::Digest> RegistryRepository::PutManifest(const std::string& tag_or_digest,
                                                            absl::string_view bytes,
                                                            const std::string& media_type,
                                                            std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference image, At(tag_or_digest));
  return client_->PutManifest(image, bytes, media_type, stop);
}

absl::Status RegistryRepository::DeleteManifest(const std::string& tag_or_digest,
                                                std::stop_token stop) {
  ASSIGN_OR_RETURN(const oci::Reference image, At(tag_or_digest));
  return client_->DeleteManifest(image, stop);
}

}  // namespace stevedore::transfer
