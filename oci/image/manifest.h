// The manifest of one image on one platform.

#ifndef STEVEDORE_OCI_IMAGE_MANIFEST_H_
#define STEVEDORE_OCI_IMAGE_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::oci {

// Config and layers of an image (or an artifact), OCI or Docker schema 2, with the bytes it was
// parsed from: the digest is over bytes, so they are never written anew. Immutable.
class Manifest {
 public:
  Manifest() = default;

  // `content_type` is the Content-Type header or descriptor type it came with, if any.
  // INVALID_ARGUMENT for what is not a manifest: the type says otherwise, header and document
  // disagree, `manifests` beside `layers` (CVE-2021-41190), a bad descriptor, Docker schema 1.
  // RESOURCE_EXHAUSTED above kMaxDocumentBytes.
  static absl::StatusOr<Manifest> Parse(std::string bytes, absl::string_view content_type = "");

  const std::string& bytes() const { return bytes_; }
  // SHA-256 of bytes().
  const Digest& digest() const { return digest_; }
  const std::string& media_type() const { return media_type_; }
  const Descriptor& config() const { return config_; }
  // Bottom first. Empty for some artifacts.
  const std::vector<Descriptor>& layers() const { return layers_; }
  const std::map<std::string, std::string>& annotations() const { return annotations_; }
  // Empty for images.
  const std::string& artifact_type() const { return artifact_type_; }
  // What this is attached to, for artifacts like signatures.
  const std::optional<Descriptor>& subject() const { return subject_; }

  // Media type, digest and size of this document itself.
  Descriptor ToDescriptor() const;
  // Bytes of config and layers together: what a first pull transfers.
  uint64_t ImageBytes() const;

 private:
  std::string bytes_;
  Digest digest_;
  std::string media_type_;
  Descriptor config_;
  std::vector<Descriptor> layers_;
  std::map<std::string, std::string> annotations_;
  std::string artifact_type_;
  std::optional<Descriptor> subject_;
};

// The media type of a manifest or index, by the rules of both classes: the header if it is one of
// the four, else the document's own, else by its members. INVALID_ARGUMENT as Manifest::Parse for
// what is neither or both. Thread-safe.
absl::StatusOr<std::string> DetectMediaType(absl::string_view bytes,
                                            absl::string_view content_type = "");

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_MANIFEST_H_
