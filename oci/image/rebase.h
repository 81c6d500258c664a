// An image on another base, without building it again.

#ifndef STEVEDORE_OCI_IMAGE_REBASE_H_
#define STEVEDORE_OCI_IMAGE_REBASE_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/image.h"

namespace stevedore::oci {

// Annotations that name the base of an image: its reference, and the digest of its manifest or
// index.
inline constexpr char kBaseNameAnnotation[] = "org.opencontainers.image.base.name";
inline constexpr char kBaseDigestAnnotation[] = "org.opencontainers.image.base.digest";

// What a rebase did. Members of configs are named as in the config: "Env.PATH", "Labels.version",
// "ExposedPorts.80/tcp", "User"; annotations of the manifest "annotations.NAME". Plain data.
struct RebaseReport {
  size_t removed_layers = 0;  // Of the old base.
  size_t base_layers = 0;     // Of the new base.
  size_t kept_layers = 0;     // Of the image itself.
  // Members that were the old base's and are the new one's now, where the two differ; sorted.
  std::vector<std::string> inherited;
  // Members in which the image differs from the new base because it set (or removed) them itself;
  // sorted.
  std::vector<std::string> kept;
  // os, architecture, variant, version or features are other than before.
  bool platform_changed = false;
};

// True if the first layers of `image` are the layers of `base`, by diff id.
bool IsBasedOn(const Image& image, const Image& base);

// `image` with the layers, history and platform of `new_base` in the place of those of `old_base`.
// What `image` had from its old base is taken from the new one, what it changed itself stays: for
// each member of the config, and within Env, Labels, ExposedPorts, Volumes and the annotations for
// each key. Cmd goes with Entrypoint: an image that set its own entrypoint keeps its own cmd (or
// none). `created` and the family of media types stay the image's. Pure: an image that was made
// from `old_base` by ImageEditor becomes, byte for byte, what the same edits make of `new_base`; an
// image rebased on its own base does not change at all.
//
// FAILED_PRECONDITION ("base mismatch: ...", with the first layer that differs) unless
// IsBasedOn(image, old_base); INVALID_ARGUMENT if an image contradicts itself, or has layers that
// the other family of media types cannot say. `report` may be null. Thread-safe.
absl::StatusOr<Image> Rebase(const Image& image, const Image& old_base, const Image& new_base,
                             RebaseReport* report = nullptr);

// `image` with `annotations` merged into those of its manifest; the config keeps its bytes.
// INVALID_ARGUMENT as Rebase. Thread-safe.
absl::StatusOr<Image> WithAnnotations(const Image& image,
                                      const std::map<std::string, std::string>& annotations);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_REBASE_H_
