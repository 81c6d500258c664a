// Edits of an image in all its parts: of one manifest, or of every image that an index leads to.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_TREE_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_TREE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/image/image.h"
#include "oci/image/index_editor.h"
#include "oci/image/manifest.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {

// What an edit made of one image.
struct EditedImage {
  oci::Image image;
  std::vector<transfer::NewBlob> new_blobs = {};
  // Where layers are that neither the image had before nor `new_blobs` has.
  std::vector<transfer::BlobPlace> places = {};
};

// What to do with the parts of an image. Null members change nothing.
struct TreeEdit {
  std::function<absl::StatusOr<EditedImage>(const oci::Image&)> image = nullptr;
  // Artifacts at the top; inside an index they stay as they are.
  std::function<absl::StatusOr<oci::Manifest>(const oci::Manifest&)> artifact = nullptr;
  // The index at the top, with its new entries.
  std::function<absl::Status(oci::IndexEditor&)> index = nullptr;
  // Annotations of the entries for edited images in the index above them.
  std::map<std::string, std::string> entry_annotations = {};
  std::vector<std::string> unset_entry_annotations = {};
};

// What came out.
struct TreeResult {
  oci::Digest digest;
  std::string media_type;
  size_t images = 0;               // Edited.
  size_t attestations = 0;         // Left out: what they attested is no more.
  transfer::ImageWritten written;  // All images together; its digest is not used.
};

// Edits `top` of `from` and everything it leads to, and writes the result to `to` under
// `tag_or_digest` ("": by digest only), what is named before what names it. Attestations of images
// that changed are left out, since they attest something else; other artifacts are taken along.
// Does not call Finish. INVALID_ARGUMENT for damaged documents and an artifact at the top without
// `artifact`; otherwise errors of the edits and the places. Not thread-safe for one `edit`.
absl::StatusOr<TreeResult> EditTree(transfer::ImageSource& from, const transfer::RawManifest& top,
                                    transfer::ImageSink& to, const std::string& tag_or_digest,
                                    const TreeEdit& edit, std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_TREE_H_
