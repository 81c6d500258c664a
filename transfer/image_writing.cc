#include "transfer/image_writing.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "base/status.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/image_reading.h"

namespace stevedore::transfer {
namespace {

// The registry of a MountName, which is "registry/repository".
absl::string_view HostOf(absl::string_view mount_name) {
  return mount_name.substr(0, mount_name.find('/'));
}

absl::string_view RepositoryOf(absl::string_view mount_name) {
  const size_t slash = mount_name.find('/');
  return slash == absl::string_view::npos ? absl::string_view() : mount_name.substr(slash + 1);
}

// How a layer gets into the sink.
struct Shipment {
  oci::Descriptor blob;
  const NewBlob* made = nullptr;  // New.
  ImageSource* source = nullptr;  // Inherited; null if nobody has it.
  bool own_repository = false;    // There, because a manifest of the same repository names it.
  std::string mount_from;         // Repository of the same registry; empty: none.
};

// One WriteImage call. Its threads share it.
class Writer {
 public:
  Writer(ImageSink& sink, const ImageWriting& writing, std::stop_token stop)
      : sink_(sink), writing_(writing), outer_stop_(std::move(stop)) {
    if (ImageSource* const self = sink.Readable()) own_name_ = self->MountName();
  }

  // An image with a new config.
  absl::StatusOr<ImageWritten> Run(const std::string& tag_or_digest, const oci::Image& image) {
    RETURN_IF_ERROR(SendAll(PlanAll(image.manifest.layers())));
    RETURN_IF_ERROR(PutConfig(image), "write config to ", sink_.Describe());
    return Publish(tag_or_digest, image.manifest);
  }

  // A manifest that is somewhere already, config and all.
  absl::StatusOr<ImageWritten> Run(const std::string& tag_or_digest,
                                   const oci::Manifest& manifest) {
    std::vector<oci::Descriptor> blobs = manifest.layers();
    blobs.push_back(manifest.config());
    RETURN_IF_ERROR(SendAll(PlanAll(blobs)));
    return Publish(tag_or_digest, manifest);
  }

 private:
  absl::StatusOr<ImageWritten> Publish(const std::string& tag_or_digest,
                                       const oci::Manifest& manifest) {
    const std::string name = tag_or_digest.empty() ? manifest.digest().ToString() : tag_or_digest;
    ASSIGN_OR_RETURN(written_.digest,
                     sink_.PutManifest(name, manifest.bytes(), manifest.media_type(), outer_stop_),
                     "write manifest to ", sink_.Describe());
    return written_;
  }

  std::vector<Shipment> PlanAll(const std::vector<oci::Descriptor>& blobs) const {
    std::vector<Shipment> shipments;
    std::set<oci::Digest> seen;
    for (const oci::Descriptor& blob : blobs) {
      // The same tar twice is one blob; foreign layers stay where their URLs say.
      if (!seen.insert(blob.digest).second) continue;
      if (oci::IsNonDistributable(blob.media_type) && !blob.urls.empty()) continue;
      shipments.push_back(Plan(blob));
    }
    return shipments;
  }

  Shipment Plan(const oci::Descriptor& layer) const {
    Shipment shipment{.blob = layer};
    for (const NewBlob& blob : writing_.new_blobs) {
      if (blob.blob.digest != layer.digest) continue;
      shipment.made = &blob;
      return shipment;
    }
    for (const BlobPlace& place : writing_.places) {
      const bool holds = std::any_of(
          place.blobs.begin(), place.blobs.end(),
          [&layer](const oci::Descriptor& blob) { return blob.digest == layer.digest; });
      if (!holds) continue;
      if (shipment.source == nullptr) shipment.source = place.place;
      const std::string name = place.place->MountName();
      if (own_name_.empty() || HostOf(name) != HostOf(own_name_)) continue;
      if (name == own_name_) {
        shipment.own_repository = true;
      } else if (shipment.mount_from.empty()) {
        shipment.mount_from = std::string(RepositoryOf(name));
        shipment.source = place.place;
      }
    }
    return shipment;
  }

  absl::Status SendAll(const std::vector<Shipment>& shipments) {
    std::stop_source stop;
    const std::stop_callback forward(outer_stop_, [&stop] { stop.request_stop(); });
    std::atomic<size_t> next = 0;
    absl::Status failure;
    const auto run = [&] {
      for (size_t i = next++; i < shipments.size() && !stop.stop_requested(); i = next++) {
        const absl::Status status = Send(shipments[i], stop.get_token());
        if (status.ok()) continue;
        base::MutexLock lock(&mu_);
        if (failure.ok()) {
          failure =
              base::Annotate(status, absl::StrCat("write layer ", shipments[i].blob.digest.Short(),
                                                  " to ", sink_.Describe()));
        }
        stop.request_stop();
      }
    };
    {
      std::vector<std::jthread> threads;
      const size_t count =
          std::min(shipments.size(), static_cast<size_t>(std::max(1, writing_.parallel_blobs)));
      for (size_t i = 1; i < count; ++i) threads.emplace_back(run);
      run();
    }
    if (outer_stop_.stop_requested())
      return absl::CancelledError("writing the image was cancelled");
    return failure;
  }

  absl::Status Send(const Shipment& shipment, std::stop_token stop) {
    if (shipment.own_repository) return Count(&ImageWritten::blobs_there);
    // Asking first is one request; a mount is one, too, and answers the same question.
    if (!shipment.mount_from.empty()) {
      ASSIGN_OR_RETURN(const bool mounted,
                       sink_.MountBlob(shipment.blob.digest, shipment.mount_from, stop));
      if (mounted) return Count(&ImageWritten::blobs_mounted);
    }
    ASSIGN_OR_RETURN(const bool there, sink_.HasBlob(shipment.blob.digest, stop));
    if (there) return Count(&ImageWritten::blobs_there);
    if (shipment.made == nullptr && shipment.source == nullptr) {
      return absl::NotFoundError(
          "the layer is not there, and no image that was given has it; push the image that it "
          "comes from first");
    }
    const BlobOpener open =
        shipment.made != nullptr ? shipment.made->opener : BlobOpener([&shipment, stop] {
          return shipment.source->OpenBlob(shipment.blob, stop);
        });
    RETURN_IF_ERROR(sink_.PutBlob(shipment.blob, open, stop));
    base::MutexLock lock(&mu_);
    ++written_.blobs_copied;
    written_.bytes_copied += shipment.blob.size;
    return absl::OkStatus();
  }

  absl::Status Count(uint64_t ImageWritten::*counter) {
    base::MutexLock lock(&mu_);
    ++(written_.*counter);
    return absl::OkStatus();
  }

  absl::Status PutConfig(const oci::Image& image) {
    const oci::Descriptor& config = image.manifest.config();
    ASSIGN_OR_RETURN(const bool there, sink_.HasBlob(config.digest, outer_stop_));
    if (there) return absl::OkStatus();
    return sink_.PutBlob(
        config,
        [&image]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
          return std::make_unique<base::StringSource>(image.config.bytes());
        },
        outer_stop_);
  }

  ImageSink& sink_;
  const ImageWriting& writing_;
  const std::stop_token outer_stop_;
  std::string own_name_;  // MountName of the sink; empty unless a registry.
  base::Mutex mu_;        // Guards `written_` while the threads run.
  ImageWritten written_;
};

absl::StatusOr<ImageWritten> CopyAt(ImageSink& sink, const std::string& tag_or_digest,
                                    ImageSource& from, const RawManifest& document, int depth,
                                    std::stop_token stop) {
  if (tag_or_digest.empty() && sink.Readable() != nullptr) {
    // A manifest that is there has all it names: that is the order in which they come.
    ASSIGN_OR_RETURN(const auto there,
                     sink.Readable()->HeadManifest(document.digest.ToString(), stop));
    if (there.has_value()) return ImageWritten{.digest = document.digest};
  }
  if (depth > kIndexDepthLimit) {
    return absl::InvalidArgumentError(absl::StrCat(
        from.Describe(), ": indexes are nested deeper than ", kIndexDepthLimit, " levels"));
  }
  if (!oci::IsIndexType(document.media_type)) {
    ASSIGN_OR_RETURN(const oci::Manifest manifest,
                     oci::Manifest::Parse(document.bytes, document.media_type), from.Describe());
    BlobPlace place{.place = &from, .blobs = manifest.layers()};
    place.blobs.push_back(manifest.config());
    const ImageWriting writing{.places = {std::move(place)}};
    return Writer(sink, writing, stop).Run(tag_or_digest, manifest);
  }
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(document.bytes, document.media_type),
                   from.Describe());
  ImageWritten sum;
  for (const oci::Descriptor& entry : index.manifests()) {
    ASSIGN_OR_RETURN(const RawManifest child, from.GetManifest(entry.digest.ToString(), stop));
    ASSIGN_OR_RETURN(const ImageWritten written, CopyAt(sink, "", from, child, depth + 1, stop));
    sum.blobs_there += written.blobs_there;
    sum.blobs_mounted += written.blobs_mounted;
    sum.blobs_copied += written.blobs_copied;
    sum.bytes_copied += written.bytes_copied;
  }
  const std::string name = tag_or_digest.empty() ? index.digest().ToString() : tag_or_digest;
  ASSIGN_OR_RETURN(sum.digest, sink.PutManifest(name, document.bytes, document.media_type, stop),
                   "write index to ", sink.Describe());
  return sum;
}

}  // namespace

absl::StatusOr<ImageWritten> CopyDocument(ImageSink& sink, const std::string& tag_or_digest,
                                          ImageSource& from, const RawManifest& document,
                                          std::stop_token stop) {
  return CopyAt(sink, tag_or_digest, from, document, 0, std::move(stop));
}

absl::StatusOr<ImageWritten> WriteImage(ImageSink& sink, const std::string& tag_or_digest,
                                        const oci::Image& image, const ImageWriting& writing,
                                        std::stop_token stop) {
  Writer writer(sink, writing, std::move(stop));
  return writer.Run(tag_or_digest, image);
}

}  // namespace stevedore::transfer
