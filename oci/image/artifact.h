// Manifests of things that are not images.

#ifndef STEVEDORE_OCI_IMAGE_ARTIFACT_H_
#define STEVEDORE_OCI_IMAGE_ARTIFACT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/descriptor.h"
#include "oci/image/manifest.h"

namespace stevedore::oci {

// What an artifact consists of. A value.
struct ArtifactContents {
  std::string artifact_type;  // "application/spdx+json".
  // Any blobs, of any type. Without one, the empty blob stands in, as the image spec wants.
  std::vector<Descriptor> blobs = {};
  // Not given: the empty config.
  std::optional<Descriptor> config = std::nullopt;
  // What it is attached to.
  std::optional<Descriptor> subject = std::nullopt;
  std::map<std::string, std::string> annotations = {};
};

// The descriptor of the two bytes `{}`, which stand for a config or content that there is not.
Descriptor EmptyDescriptor();

// The manifest of an artifact as canonical JSON. INVALID_ARGUMENT if a text is not UTF-8 or a type
// is malformed. Thread-safe, as all here.
absl::StatusOr<Manifest> MakeArtifact(const ArtifactContents& contents);

// True if the config of `manifest` is that of an image, so that it can be read as one.
bool HasImageConfig(const Manifest& manifest);

// `manifest` with annotations removed and set, in this order. Nothing else is touched, not even
// what nobody knows: for artifacts, whose config belongs to those who made them. INVALID_ARGUMENT
// if a text is not UTF-8.
absl::StatusOr<Manifest> ChangeAnnotations(const Manifest& manifest,
                                           const std::vector<std::string>& remove,
                                           const std::map<std::string, std::string>& set);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_ARTIFACT_H_
