#include "worker/pack_repository.h"

#include <optional>

#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::worker {

absl::StatusOr<bool> PackRepository::HasTag(const std::string& tag) {
  const absl::StatusOr<std::optional<oci::Descriptor>> present =
      repository_.source->HeadManifest(tag, stop_);
  if (!present.ok()) return present.status();
  return present->has_value();
}

absl::StatusOr<bool> PackRepository::HasBlob(const oci::Descriptor& blob) {
  return repository_.sink->HasBlob(blob.digest, stop_);
}

absl::Status PackRepository::PutBlob(const oci::Descriptor& blob, const std::string& path) {
  return repository_.sink->AdoptBlobFile(blob, path, stop_);
}

absl::Status PackRepository::PutManifest(const std::string& tag, absl::string_view manifest,
                                         absl::string_view media_type) {
  return repository_.sink->PutManifest(tag, manifest, std::string(media_type), stop_).status();
}

}  // namespace stevedore::worker
