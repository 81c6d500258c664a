#include "worker/publish.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::worker {
namespace {

// Counts what passes as progress of a run.
class CountingSource final : public base::ByteSource {
 public:
  CountingSource(std::unique_ptr<base::ByteSource> source, RunMonitor* monitor)
      : source_(std::move(source)), monitor_(monitor) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    absl::StatusOr<size_t> n = source_->Read(buffer, size);
    if (n.ok()) monitor_->AddBytes(*n);
    return n;
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  RunMonitor* const monitor_;
};

absl::Status PutInherited(const oci::Descriptor& layer, const ImagePlace& parent,
                          const Repository& target, RunMonitor& monitor, std::stop_token stop) {
  ASSIGN_OR_RETURN(const bool there, target.sink->HasBlob(layer.digest, stop));
  if (there) return absl::OkStatus();
  if (target.mount_domain == parent.repository.mount_domain) {
    ASSIGN_OR_RETURN(const bool mounted,
                     target.sink->MountBlob(layer.digest, parent.reference.repository(), stop));
    if (mounted) return absl::OkStatus();
  }
  monitor.LogLine(absl::StrCat("copy layer ", layer.digest.Short(), " (", layer.size,
                               " bytes) from ", parent.reference.Name()));
  const transfer::BlobOpener open = [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source,
                     parent.repository.source->OpenBlob(layer, stop));
    return std::make_unique<CountingSource>(std::move(source), &monitor);
  };
  return target.sink->PutBlob(layer, open, stop);
}

}  // namespace

absl::Status Publish(const BuiltImage& image, const Repository& target,
                     const std::vector<ImagePlace>& places, RunMonitor& monitor,
                     std::stop_token stop) {
  for (const InheritedLayer& layer : image.inherited) {
    if (layer.parent < 0 || static_cast<size_t>(layer.parent) >= places.size()) {
      return absl::InternalError(absl::StrCat("inherited layer of parent ", layer.parent,
                                              ", of which nobody said where it is"));
    }
    RETURN_IF_ERROR(PutInherited(layer.descriptor, places[layer.parent], target, monitor, stop),
                    "push layer ", layer.descriptor.digest.Short(), " to ",
                    target.sink->Describe());
  }
  const oci::Descriptor& config = image.image.manifest.config();
  ASSIGN_OR_RETURN(const bool config_there, target.sink->HasBlob(config.digest, stop));
  if (!config_there) {
    RETURN_IF_ERROR(target.sink->PutBlob(
                        config,
                        [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
                          return std::make_unique<base::StringSource>(image.image.config.bytes());
                        },
                        stop),
                    "push config to ", target.sink->Describe());
  }
  return target.sink
      ->PutManifest(image.image.manifest.digest().ToString(), image.image.manifest.bytes(),
                    image.image.manifest.media_type(), stop)
      .status();
}

}  // namespace stevedore::worker
