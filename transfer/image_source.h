// Where images are read from.

#ifndef STEVEDORE_TRANSFER_IMAGE_SOURCE_H_
#define STEVEDORE_TRANSFER_IMAGE_SOURCE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {

// A manifest or index as it was stored, byte for byte. A value.
struct RawManifest {
  std::string bytes;
  std::string media_type;
  oci::Digest digest;  // Of `bytes`; verified.
};

// One repository that can be read: of a registry, a folder or an archive. `tag_or_digest` is a tag
// ("1.4"; in archives of Docker a name "shop/web:1.4") or a digest ("sha256:…"); places other than
// registries take an empty one as the only image that they have. Thread-safe. Errors name the
// place, what happened and what to do: NOT_FOUND, UNAUTHENTICATED (no or wrong password),
// PERMISSION_DENIED, UNAVAILABLE (cannot be reached; retries inside are over), DATA_LOSS (content
// is not what its digest names), CANCELLED.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // NOT_FOUND if there is none.
  virtual absl::StatusOr<RawManifest> GetManifest(const std::string& tag_or_digest,
                                                  std::stop_token stop = {}) = 0;

  // Media type, digest and size without the document, or nullopt if there is none.
  virtual absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(
      const std::string& tag_or_digest, std::stop_token stop = {}) = 0;

  // The bytes of a blob. They are verified while they are read: the read that would return the end
  // returns DATA_LOSS if size or digest differ from `blob`. The source must outlive the stream; the
  // stream obeys `stop`.
  virtual absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                     std::stop_token stop = {}) = 0;

  // The names of the images here, in the place's order. INVALID_ARGUMENT from a place without
  // names.
  virtual absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token /*stop*/ = {}) {
    return absl::InvalidArgumentError(absl::StrCat(Describe(), " has no tags to list"));
  }

  // What is attached to the manifest `subject` (which need not be there): media type, digest, size,
  // artifact type and annotations of each. Only those of `artifact_type` unless it is empty.
  virtual absl::StatusOr<std::vector<oci::Descriptor>> Referrers(
      const oci::Digest& subject, const std::string& /*artifact_type*/,
      std::stop_token /*stop*/ = {}) {
    return absl::InvalidArgumentError(absl::StrCat(
        Describe(), " has no attached artifacts to list, as those of ", subject.ToString()));
  }

  // "localhost:5000/shop/web" of a registry: what a sink of the same registry can mount from. Empty
  // elsewhere.
  virtual std::string MountName() const { return ""; }

  // "localhost:5000/shop/web" or "oci:.stevedore/images (localhost:5000/shop/web)": for messages.
  virtual std::string Describe() const = 0;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_SOURCE_H_
