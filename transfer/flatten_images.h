// Images and indexes in places, flattened into other places.

#ifndef STEVEDORE_TRANSFER_FLATTEN_IMAGES_H_
#define STEVEDORE_TRANSFER_FLATTEN_IMAGES_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"
#include "oci/layer/compression.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// How to flatten what is in a place.
struct FlattenImagesOptions {
  // Only this image of an index, which then is no index any more; nullopt: all of them.
  std::optional<oci::Platform> platform = std::nullopt;
  oci::Compression compression = oci::Compression();
  // True: layers are kept here until their second reading; see ImageLayersOptions.
  bool spool = false;
  // For that and for unpacked files and new layers; must exist.
  std::string scratch_directory;
  std::stop_token stop = {};
};

// What became of it. A value.
struct FlattenedImages {
  oci::Digest digest;  // Of the new manifest or index.
  uint64_t images = 0;
  uint64_t layers_before = 0;
  // Entries of indexes that are no images (attestations and other artifacts). They spoke of
  // manifests that are not there any more and are left out.
  uint64_t left_out = 0;
};

// Flattens the image at `tag_or_digest`, or each image of the index there (indexes inside too),
// and writes the result under `new_name` (a tag, or empty: under its digest only). Layers and
// manifests are there before what names them. Does not call Finish. History says "stevedore
// flatten" and the digest of the old manifest. Errors as FlattenImage, and of both places.
// Thread-safe.
absl::StatusOr<FlattenedImages> FlattenImages(ImageSource& from, const std::string& tag_or_digest,
                                              ImageSink& to, const std::string& new_name,
                                              const FlattenImagesOptions& options);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_FLATTEN_IMAGES_H_
