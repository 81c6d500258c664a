#include "transfer/layout_archive_sink.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layout/layout_archive.h"
#include "transfer/archive_output.h"

namespace stevedore::transfer {

LayoutArchiveSink::LayoutArchiveSink(Staging staging, std::string path)
    : StagedSink(std::move(staging), absl::StrCat("oci-archive:", path)), path_(std::move(path)) {}

absl::StatusOr<std::unique_ptr<LayoutArchiveSink>> LayoutArchiveSink::Create(
    const std::string& path, const std::string& scratch) {
  RETURN_IF_ERROR(CheckArchivePath(path));
  ASSIGN_OR_RETURN(Staging staging, Staging::Create(scratch));
  return std::unique_ptr<LayoutArchiveSink>(new LayoutArchiveSink(std::move(staging), path));
}

absl::StatusOr<oci::Digest> LayoutArchiveSink::PutManifest(const std::string& tag_or_digest,
                                                           absl::string_view bytes,
                                                           const std::string& media_type,
                                                           std::stop_token stop) {
  return staged().PutManifest(tag_or_digest, bytes, media_type, std::move(stop));
}

absl::Status LayoutArchiveSink::Finish(std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  const oci::Layout& layout = staged().layout();
  ASSIGN_OR_RETURN(const oci::Index index, layout.ReadIndex(), Describe());
  if (index.manifests().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Describe(), ": no image was put into the archive"));
  }
  return base::Annotate(
      WriteArchive(
          path_,
          [&layout](base::ByteSink& tar) { return oci::WriteLayoutArchive(layout, {}, &tar); },
          stop),
      Describe());
}

}  // namespace stevedore::transfer
