// Archives of `docker save`, as places to read images from.

#ifndef STEVEDORE_TRANSFER_DOCKER_ARCHIVE_IMAGES_H_
#define STEVEDORE_TRANSFER_DOCKER_ARCHIVE_IMAGES_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "transfer/archive_file.h"
#include "transfer/listed_images.h"

namespace stevedore::transfer {

// The images of a manifest.json, each with an OCI manifest that is made for it: the config stays
// byte for byte, layers are as they are stored (plain, gzip or zstd, by their first bytes). Their
// names are references ("alpine:3.20" means docker.io/library/alpine:3.20). Legacy files beside
// manifest.json are ignored. Immutable and thread-safe.
class DockerArchiveImages final : public ListedImages {
 public:
  // Compressed layers are read once here, for their digests. `place` is what Describe says.
  // INVALID_ARGUMENT if `archive` is not of that form or lacks a file; RESOURCE_EXHAUSTED if
  // manifest.json or a config is too big.
  static absl::StatusOr<std::unique_ptr<DockerArchiveImages>> Open(
      std::unique_ptr<ArchiveFile> archive, std::string place, std::stop_token stop = {});

  // By position in manifest.json.
  absl::StatusOr<oci::Descriptor> At(uint64_t position) const override;
  std::string Describe() const override { return place_; }

 protected:
  absl::StatusOr<std::vector<oci::Descriptor>> Entries() const override { return entries_; }
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const override;
  absl::StatusOr<std::string> NameOf(const std::string& tag) const override;
  std::optional<std::string> TagOf(const std::string& name) const override;

 private:
  DockerArchiveImages(std::unique_ptr<ArchiveFile> archive, std::string place)
      : archive_(std::move(archive)), place_(std::move(place)) {}

  absl::Status Load(const std::stop_token& stop);
  absl::Status AddImage(const nlohmann::json& image, const std::stop_token& stop);
  absl::StatusOr<oci::Descriptor> AddLayer(const std::string& path, const oci::Digest& diff_id,
                                           const std::stop_token& stop);
  absl::StatusOr<ArchiveFile::File> FileAt(const std::string& path) const;

  const std::unique_ptr<ArchiveFile> archive_;
  const std::string place_;
  std::vector<oci::Descriptor> images_;   // By position.
  std::vector<oci::Descriptor> entries_;  // One for each name, and for each image without one.
  std::map<oci::Digest, ArchiveFile::File> files_;
  std::map<oci::Digest, std::string> manifests_;
  std::map<uint64_t, oci::Descriptor> hashed_;  // Compressed layers, by offset.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ARCHIVE_IMAGES_H_
