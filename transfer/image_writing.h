// The way of an edited image into a repository.

#ifndef STEVEDORE_TRANSFER_IMAGE_WRITING_H_
#define STEVEDORE_TRANSFER_IMAGE_WRITING_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::transfer {

// A blob that is in no repository yet.
struct NewBlob {
  oci::Descriptor blob;
  BlobOpener opener;
};

// A repository that holds some of the blobs of an image. Plain data.
struct BlobPlace {
  ImageSource* place = nullptr;
  // Say, the layers of a manifest that is there.
  std::vector<oci::Descriptor> blobs;
};

// How to write an image.
struct ImageWriting {
  // Layers that are not in any of `places` (and not in the sink already).
  std::vector<NewBlob> new_blobs = {};
  // Where the other layers are; the first place that holds a blob counts, but one in the sink's own
  // repository, and then one in its registry, goes before others.
  std::vector<BlobPlace> places = {};
  // Blobs on their way at the same time; at least 1.
  int parallel_blobs = 4;
};

// What it took.
struct ImageWritten {
  // Of the manifest.
  oci::Digest digest;
  uint64_t blobs_there = 0;
  uint64_t blobs_mounted = 0;
  uint64_t blobs_copied = 0;  // And sent.
  uint64_t bytes_copied = 0;
};

// Makes `image` complete in `sink`: layers first (those of the sink's own repository are not
// touched, those of its registry are mounted, the rest is copied as a stream), then the config,
// then the manifest under `tag_or_digest` ("": under its digest only). Does not call Finish: more
// may follow. NOT_FOUND, naming the layer, if no place holds it and the sink does not either;
// otherwise the errors of the repositories with what was being sent. Thread-safe if sink and places
// are.
absl::StatusOr<ImageWritten> WriteImage(ImageSink& sink, const std::string& tag_or_digest,
                                        const oci::Image& image, const ImageWriting& writing,
                                        std::stop_token stop = {});

// Makes the manifest or index `document` of `from` complete in `sink`, byte for byte, under
// `tag_or_digest` ("": under its digest only): all that it names first, indexes inside indexes
// included. For the parts of an edited image that were not edited; whole images go through the
// Copier, which is faster. Does not call Finish. INVALID_ARGUMENT for documents that are none, or
// nested deeper than kIndexDepthLimit; otherwise as WriteImage.
absl::StatusOr<ImageWritten> CopyDocument(ImageSink& sink, const std::string& tag_or_digest,
                                          ImageSource& from, const RawManifest& document,
                                          std::stop_token stop = {});

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_WRITING_H_
