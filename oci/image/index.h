// The index of an image for several platforms.

#ifndef STEVEDORE_OCI_IMAGE_INDEX_H_
#define STEVEDORE_OCI_IMAGE_INDEX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "oci/image/canonical_json.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// A list of manifests, OCI index or Docker manifest list, with the bytes it was parsed from.
// Immutable.
class Index {
 public:
  Index() = default;

  // As Manifest::Parse, for indexes. `limit_bytes` is raised only for index.json of large layouts.
  static absl::StatusOr<Index> Parse(std::string bytes, absl::string_view content_type = "",
                                     uint64_t limit_bytes = kMaxDocumentBytes);

  // A new index over `manifests` in this order, as canonical JSON. INVALID_ARGUMENT if an
  // annotation is not UTF-8.
  static absl::StatusOr<Index> Create(absl::Span<const Descriptor> manifests,
                                      ImageFormat format = ImageFormat::kOci,
                                      const std::map<std::string, std::string>& annotations = {});

  const std::string& bytes() const { return bytes_; }
  // SHA-256 of bytes().
  const Digest& digest() const { return digest_; }
  const std::string& media_type() const { return media_type_; }
  const std::vector<Descriptor>& manifests() const { return manifests_; }
  const std::map<std::string, std::string>& annotations() const { return annotations_; }
  // Empty for image indexes.
  const std::string& artifact_type() const { return artifact_type_; }
  const std::optional<Descriptor>& subject() const { return subject_; }

  // The first entry whose platform satisfies `want`; entries without a platform never match.
  // NOT_FOUND, listing what there is, if none does.
  absl::StatusOr<Descriptor> Select(const Platform& want) const;

  // Media type, digest and size of this document itself.
  Descriptor ToDescriptor() const;

 private:
  std::string bytes_;
  Digest digest_;
  std::string media_type_;
  std::vector<Descriptor> manifests_;
  std::map<std::string, std::string> annotations_;
  std::string artifact_type_;
  std::optional<Descriptor> subject_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_INDEX_H_
