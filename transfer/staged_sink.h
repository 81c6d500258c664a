// What archives and engines have in common: everything is collected first.

#ifndef STEVEDORE_TRANSFER_STAGED_SINK_H_
#define STEVEDORE_TRANSFER_STAGED_SINK_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "transfer/image_sink.h"
#include "transfer/layout_images.h"

namespace stevedore::transfer {

// A place to collect blobs and manifests until Finish: a layout in a folder that goes with this
// object. Movable.
class Staging {
 public:
  // Makes the folder in `scratch` (made if needed; empty: the system's).
  static absl::StatusOr<Staging> Create(const std::string& scratch);

  LayoutImages& images() const { return *images_; }

 private:
  Staging(base::TemporaryDirectory directory, oci::Layout layout)
      : directory_(std::move(directory)),
        images_(std::make_unique<LayoutImages>(std::move(layout))) {}

  base::TemporaryDirectory directory_;
  std::unique_ptr<LayoutImages> images_;
};

// Collects blobs in a Staging; manifests and the end are for the derived class. Thread-safe.
class StagedSink : public ImageSink {
 public:
  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop = {}) override;
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token stop = {}) override;
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token stop = {}) override;
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop = {}) override;
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop = {}) override;
  std::string Describe() const override { return place_; }

 protected:
  // `place` is what Describe says.
  StagedSink(Staging staging, std::string place)
      : staging_(std::move(staging)), place_(std::move(place)) {}

  LayoutImages& staged() const { return staging_.images(); }

 private:
  const Staging staging_;
  const std::string place_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_STAGED_SINK_H_
