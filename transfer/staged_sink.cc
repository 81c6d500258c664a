#include "transfer/staged_sink.h"

#include "base/status.h"
#include "oci/layout/layout.h"

namespace stevedore::transfer {

absl::StatusOr<Staging> Staging::Create(const std::string& scratch) {
  if (!scratch.empty()) RETURN_IF_ERROR(base::MakeDirectories(scratch));
  ASSIGN_OR_RETURN(
      base::TemporaryDirectory directory,
      base::TemporaryDirectory::Create(scratch.empty() ? "" : base::JoinPath(scratch, "archive.")));
  ASSIGN_OR_RETURN(oci::Layout layout,
                   oci::Layout::OpenOrCreate(base::JoinPath(directory.path(), "layout")));
  return Staging(std::move(directory), std::move(layout));
}

absl::StatusOr<bool> StagedSink::HasBlob(const oci::Digest& digest, std::stop_token stop) {
  return staged().HasBlob(digest, std::move(stop));
}

absl::Status StagedSink::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                 std::stop_token stop) {
  return base::Annotate(staged().PutBlob(blob, opener, std::move(stop)), place_);
}

absl::StatusOr<bool> StagedSink::MountBlob(const oci::Digest& digest, const std::string&,
                                           std::stop_token stop) {
  return staged().HasBlob(digest, std::move(stop));
}

absl::StatusOr<std::unique_ptr<BlobUpload>> StagedSink::StartBlob(std::stop_token stop) {
  return staged().StartBlob(std::move(stop));
}

absl::Status StagedSink::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                       std::stop_token stop) {
  return staged().AdoptBlobFile(blob, path, std::move(stop));
}

}  // namespace stevedore::transfer
