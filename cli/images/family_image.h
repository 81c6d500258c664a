// One image of a family as its repository holds it, on all its platforms.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_IMAGE_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_IMAGE_H_

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/platform.h"
#include "transfer/image_source.h"

namespace stevedore::cli {

// One platform of an image.
struct FamilyVariant {
  oci::Platform platform;  // As the index says, else the config.
  oci::Image image;
};

// A manifest, or an index with the manifests it lists. A value.
struct FamilyImage {
  transfer::RawManifest document;
  bool is_index = false;
  // In order of the index.
  std::vector<FamilyVariant> variants;
  // Entries of the index that are no images to run: attestations and other artifacts.
  std::vector<oci::Digest> attached;

  // The variant that an image for `platform` can build on: os, architecture and variant decide, a
  // version of the operating system does not. Null if there is none. Thread-safe.
  const FamilyVariant* Find(const oci::Platform& platform) const;
};

// Reads everything but layers; nullopt if there is nothing by that name. INVALID_ARGUMENT for what
// is no image: an artifact, an index inside an index. Others as ImageSource. Thread-safe.
absl::StatusOr<std::optional<FamilyImage>> ReadFamilyImage(transfer::ImageSource& source,
                                                           const std::string& tag_or_digest,
                                                           std::stop_token stop);

// The document that has `images[i]` in place of variant i: the manifest itself, or the index with
// new entries, else as it was, without what was attached to the old ones. An index that says which
// one it stands on (org.opencontainers.image.base.digest) says `base` from now on. `images` has one
// item per variant. INVALID_ARGUMENT for a damaged index. Thread-safe.
absl::StatusOr<transfer::RawManifest> ReplaceVariants(const FamilyImage& old,
                                                      const std::vector<oci::Image>& images,
                                                      const oci::Digest& base);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_IMAGE_H_
