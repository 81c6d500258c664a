// Where images are written to.

#ifndef STEVEDORE_TRANSFER_IMAGE_SINK_H_
#define STEVEDORE_TRANSFER_IMAGE_SINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {

class ImageSource;

// Opens the bytes of a blob from their start. Called again when an upload has to be repeated.
using BlobOpener = std::function<absl::StatusOr<std::unique_ptr<base::ByteSource>>()>;

// One blob on its way whose digest is known at its end. Dropped if destroyed before Commit. Not
// thread-safe; must not outlive its sink.
class BlobUpload : public base::ByteSink {
 public:
  // Digest and size of what was written (media type empty), now stored. Closes the stream if Close
  // was not called. DATA_LOSS if `expected` is given and differs.
  virtual absl::StatusOr<oci::Descriptor> Commit(
      const std::optional<oci::Digest>& expected = std::nullopt) = 0;
};

// One repository that can be written: of a registry, a folder or an archive. Thread-safe: blobs are
// sent from several threads at once. Writing what is there already is a success. Error codes as
// ImageSource, and RESOURCE_EXHAUSTED when the far side is full.
class ImageSink {
 public:
  virtual ~ImageSink() = default;

  virtual absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop = {}) = 0;

  // Stores the `blob.size` bytes that `opener` gives. DATA_LOSS if they are not `blob.digest`. Does
  // not ask first whether the blob is there.
  virtual absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                               std::stop_token stop = {}) = 0;

  // Makes a blob of repository `from` ("shop/base": same registry) appear here without sending it.
  // False if the far side would not: then send it. In a layout: whether it is there.
  virtual absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                         std::stop_token stop = {}) = 0;

  // Starts a blob whose digest is not known yet.
  virtual absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop = {}) = 0;

  // Stores the file at `path`, known to be `blob`. A layout takes the file away (a rename);
  // a registry leaves it.
  virtual absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                     std::stop_token stop = {}) = 0;

  // Stores a manifest or index under a tag, or under its digest only. What it names must be there
  // already. Returns its digest. INVALID_ARGUMENT if `tag_or_digest` is a digest of other bytes.
  virtual absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest,
                                                  absl::string_view bytes,
                                                  const std::string& media_type,
                                                  std::stop_token stop = {}) = 0;

  // This place as a source, to see what is there already; null where only writing is possible.
  // Belongs to the sink.
  virtual ImageSource* Readable() { return nullptr; }

  // Removes a tag, or by digest the manifest with all its tags. NOT_FOUND if it is not there;
  // INVALID_ARGUMENT from a place that cannot remove.
  virtual absl::Status DeleteManifest(const std::string& tag_or_digest,
                                      std::stop_token /*stop*/ = {}) {
    return absl::InvalidArgumentError(
        absl::StrCat("nothing can be removed from ", Describe(), ", as ", tag_or_digest));
  }

  // To be called once, after everything is written and nothing is on its way any more. Archives
  // come into being here (temporary file, fsync, rename), engines load here; without it nothing of
  // them appears. Elsewhere everything is there already.
  virtual absl::Status Finish(std::stop_token stop = {}) {
    return stop.stop_requested() ? absl::CancelledError(absl::StrCat(Describe(), ": cancelled"))
                                 : absl::OkStatus();
  }

  // As ImageSource::Describe.
  virtual std::string Describe() const = 0;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_IMAGE_SINK_H_
