// Where images are read from.

#ifndef STEVEDORE_TRANSFER_IMAGE_SOURCE_H_
#define STEVEDORE_TRANSFER_IMAGE_SOURCE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
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

// One repository that can be read: of a registry, or in an image layout. `tag_or_digest` is a tag
// ("1.4") or a digest ("sha256:…"). Thread-safe. Errors name the place, what happened and what to
// do: NOT_FOUND, UNAUTHENTICATED (no or wrong password), PERMISSION_DENIED, UNAVAILABLE (cannot be
// reached; retries inside are over), DATA_LOSS (content is not what its digest names), CANCELLED.
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

  // "localhost:5000/shop/web" or "oci:.stevedore/images (localhost:5000/shop/web)": for messages.
  virtual std::string Describe() const = 0;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_SOURCE_H_
