// Small reads that every image command starts with: which manifest is meant, and its documents.

#ifndef STEVEDORE_TRANSFER_IMAGE_READING_H_
#define STEVEDORE_TRANSFER_IMAGE_READING_H_

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/descriptor.h"
#include "oci/image/image_editor.h"
#include "oci/image/platform.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// Indexes inside indexes are followed so deep, and so many entries in all are looked at.
inline constexpr int kIndexDepthLimit = 8;
inline constexpr size_t kIndexEntryLimit = 10000;

// All functions are thread-safe. Their errors name the place and the image, and are those of
// ImageSource; INVALID_ARGUMENT for documents that are none; RESOURCE_EXHAUSTED above the limits.

// The manifests that `index` leads to, through nested indexes, in order; a platform that a nested
// index has and its entries do not say is theirs. Each digest once.
absl::StatusOr<std::vector<oci::Descriptor>> ListManifests(ImageSource& images,
                                                           const RawManifest& index,
                                                           std::stop_token stop = {});

// The manifest (never an index) at `tag_or_digest`. Of an index: the first entry that satisfies
// `platform`, or that of this machine if none is given; entries that do not say their platform are
// asked for it, if no other fits. NOT_FOUND, with the platforms that there are, if none fits, or if
// `platform` is given and a single image is for another one.
absl::StatusOr<RawManifest> ReadManifest(ImageSource& images, const std::string& tag_or_digest,
                                         const std::optional<oci::Platform>& platform,
                                         std::stop_token stop = {});

// A manifest, and what led to it.
struct FoundManifest {
  RawManifest manifest;
  oci::Digest asked_for;  // Of the document at the name: an index, perhaps.
};

// As ReadManifest, for who wants to know both.
absl::StatusOr<FoundManifest> FindManifest(ImageSource& images, const std::string& tag_or_digest,
                                           const std::optional<oci::Platform>& platform,
                                           std::stop_token stop = {});

// The bytes of `blob`, at most kManifestLimitBytes; verified. Configs and small artifacts.
absl::StatusOr<std::string> ReadSmallBlob(ImageSource& images, const oci::Descriptor& blob,
                                          std::stop_token stop = {});

// Manifest and config of one image: ReadManifest, then its config. INVALID_ARGUMENT if it is an
// artifact whose config is not that of an image.
absl::StatusOr<oci::Image> ReadImage(ImageSource& images, const std::string& tag_or_digest,
                                     const std::optional<oci::Platform>& platform = std::nullopt,
                                     std::stop_token stop = {});

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_READING_H_
