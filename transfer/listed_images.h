// What all places have in common that list their images and keep content by digest.

#ifndef STEVEDORE_TRANSFER_LISTED_IMAGES_H_
#define STEVEDORE_TRANSFER_LISTED_IMAGES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// The reading side of every place that is not a registry: a list of manifests, some with names, and
// content by digest. A place only says what it has; looking up, verifying and following is here.
// An empty `tag_or_digest` means the only image. Thread-safe as far as the place's part is.
class ListedImages : public ImageSource {
 public:
  absl::StatusOr<RawManifest> GetManifest(const std::string& tag_or_digest,
                                          std::stop_token stop = {}) override;
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& tag_or_digest,
                                                              std::stop_token stop = {}) override;
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token stop = {}) override;
  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop = {}) override;
  // Looks at what is listed, and at the index tagged "sha256-<hex>" that tools write for registries
  // without an API for this.
  absl::StatusOr<std::vector<oci::Descriptor>> Referrers(const oci::Digest& subject,
                                                         const std::string& artifact_type,
                                                         std::stop_token stop = {}) override;

  // The manifest at `position` of the list, from 0. NOT_FOUND, with the number there is, beyond it.
  virtual absl::StatusOr<oci::Descriptor> At(uint64_t position) const;
  // The only image: the only one that is listed, or the only one with a name. NOT_FOUND if there is
  // none; INVALID_ARGUMENT, listing names, if there are several.
  virtual absl::StatusOr<oci::Descriptor> Only() const;

 protected:
  // The manifests that are listed, in order, with the annotation kRefNameAnnotation where they have
  // a name. Errors say where.
  virtual absl::StatusOr<std::vector<oci::Descriptor>> Entries() const = 0;
  // The size of some content in bytes, or nullopt if it is not here.
  virtual absl::StatusOr<std::optional<uint64_t>> SizeOf(const oci::Digest& digest) const = 0;
  // A stream of content that is here, not verified.
  virtual absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenContent(
      const oci::Digest& digest) const = 0;
  // The name in the list that `tag` stands for. INVALID_ARGUMENT if it cannot be one.
  virtual absl::StatusOr<std::string> NameOf(const std::string& tag) const;
  // The reverse: what ListTags says of `name`; nullopt for names of others.
  virtual std::optional<std::string> TagOf(const std::string& name) const { return name; }

  // A small document that is here, verified. RESOURCE_EXHAUSTED above 4 MiB.
  absl::StatusOr<std::string> ReadDocument(const oci::Digest& digest) const;

 private:
  absl::StatusOr<std::optional<oci::Descriptor>> Find(const std::string& tag_or_digest) const;
  absl::Status AddIfReferrer(const oci::Descriptor& entry, const oci::Digest& subject,
                             const std::string& artifact_type,
                             std::vector<oci::Descriptor>* out) const;
};

// The name of an entry, empty if it has none. Thread-safe.
std::string RefNameOf(const oci::Descriptor& entry);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LISTED_IMAGES_H_
