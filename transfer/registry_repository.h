// One repository of a registry, as a place for images.

#ifndef STEVEDORE_TRANSFER_REGISTRY_REPOSITORY_H_
#define STEVEDORE_TRANSFER_REGISTRY_REPOSITORY_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "oci/image/reference.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/registry_client.h"

namespace stevedore::transfer {

// Reads and writes one repository through a RegistryClient. Thread-safe.
class RegistryRepository final : public ImageSource, public ImageSink {
 public:
  // `client` must outlive this. Of `repository` only registry and repository count.
  RegistryRepository(RegistryClient* client, oci::Reference repository)
      : client_(client), repository_(std::move(repository)) {}

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
  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop = {}) override {
    return client_->ListTags(repository_, std::move(stop));
  }
  absl::StatusOr<std::vector<oci::Descriptor>> Referrers(const oci::Digest& subject,
                                                         const std::string& artifact_type,
                                                         std::stop_token stop = {}) override {
    return client_->ListReferrers(repository_, subject, artifact_type, std::move(stop));
  }
  absl::Status DeleteManifest(const std::string& tag_or_digest, std::stop_token stop = {}) override;
  std::string MountName() const override { return repository_.Name(); }
  std::string Describe() const override { return repository_.Name(); }

 private:
  // This repository with tag or digest.
  absl::StatusOr<oci::Reference> At(const std::string& tag_or_digest) const;

  RegistryClient* const client_;
  const oci::Reference repository_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_REPOSITORY_H_
