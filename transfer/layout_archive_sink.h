// An image layout in one tar file ("oci-archive"), as a place to write images to.

#ifndef STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_SINK_H_
#define STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_SINK_H_

#include <memory>
#include <string>
#include <utility>

#include "transfer/staged_sink.h"

namespace stevedore::transfer {

// Replaces the archive at Finish by what was put, under plain ref names as in a layout folder.
// Thread-safe.
class LayoutArchiveSink final : public StagedSink {
 public:
  // `path` as WriteArchive takes it; `scratch` as Staging::Create.
  static absl::StatusOr<std::unique_ptr<LayoutArchiveSink>> Create(const std::string& path,
                                                                   const std::string& scratch);

  absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest, absl::string_view bytes,
                                          const std::string& media_type,
                                          std::stop_token stop = {}) override;
  // FAILED_PRECONDITION if no manifest was put.
  absl::Status Finish(std::stop_token stop = {}) override;

 private:
  LayoutArchiveSink(Staging staging, std::string path);

  const std::string path_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYOUT_ARCHIVE_SINK_H_
