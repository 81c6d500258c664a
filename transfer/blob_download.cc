#include "transfer/blob_download.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::transfer {

BlobDownload::BlobDownload(RegistrySession* session, oci::Reference repository,
                           oci::Descriptor blob, std::stop_token stop)
    : session_(session),
      repository_(std::move(repository)),
      blob_(std::move(blob)),
      stop_(std::move(stop)),
      hasher_(blob_.digest.hash_algorithm()),
      retries_(&session->options(), session->options().retries) {}

absl::StatusOr<std::unique_ptr<BlobDownload>> BlobDownload::Start(RegistrySession* session,
                                                                  oci::Reference repository,
                                                                  oci::Descriptor blob,
                                                                  std::stop_token stop) {
  std::unique_ptr<BlobDownload> download(
      new BlobDownload(session, std::move(repository), std::move(blob), std::move(stop)));
  RETURN_IF_ERROR(download->Connect());
  return download;
}

absl::Status BlobDownload::Connect() {
  Call call{
      .repository = repository_,
      .url = absl::StrCat("/v2/", repository_.repository(), "/blobs/", blob_.digest.ToString()),
      .stop = stop_};
  if (offset_ > 0) call.headers.Add("Range", absl::StrCat("bytes=", offset_, "-"));
  ASSIGN_OR_RETURN(answer_, session_->Perform(call), "blob ", blob_.digest.Short(), " of ",
                   repository_.Name());
  skip_ = 0;
  if (answer_.status() == 200) {
    skip_ = offset_;
    return absl::OkStatus();
  }
  if (answer_.status() == 206 && offset_ > 0) return CheckRange(answer_);
  return base::Annotate(session_->Refusal(call, answer_),
                        absl::StrCat("blob ", blob_.digest.Short(), " of ", repository_.Name()));
}

absl::Status BlobDownload::CheckRange(const Answer& answer) const {
  const std::string range = answer.exchange->headers().Find("Content-Range").value_or("");
  if (absl::StartsWith(range, absl::StrCat("bytes ", offset_, "-"))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("blob ", blob_.digest.Short(), " of ", repository_.Name(),
                                          ": asked for bytes from ", offset_, ", got ",
                                          base::Quoted(range)));
}

absl::StatusOr<size_t> BlobDownload::Read(char* buffer, size_t size) {
  while (true) {
    // While skipping, the caller's buffer only serves as scratch space.
    const size_t want = skip_ > 0 ? std::min<uint64_t>(size, skip_) : size;
    absl::StatusOr<size_t> read = answer_.exchange->Read(buffer, want);
    // Some servers end an answer without a word; what matters is that all bytes are there.
    if (absl::IsUnavailable(read.status()) && skip_ == 0 && offset_ == blob_.size) read = 0;
    if (absl::IsUnavailable(read.status())) {
      if (!retries_.Again(std::nullopt, stop_)) {
        return base::Annotate(
            read.status(), absl::StrCat("blob ", blob_.digest.Short(), " of ", repository_.Name(),
                                        " at byte ", offset_));
      }
      RETURN_IF_ERROR(Connect());
      continue;
    }
    if (!read.ok()) return read;
    if (*read == 0) {
      RETURN_IF_ERROR(CheckEnd());
      return 0;
    }
    if (skip_ > 0) {
      skip_ -= *read;
      continue;
    }
    retries_.Restart();
    offset_ += *read;
    if (offset_ > blob_.size) return CheckEnd();
    hasher_.Update(absl::string_view(buffer, *read));
    return read;
  }
}

absl::Status BlobDownload::CheckEnd() {
  if (checked_) return absl::OkStatus();
  const auto lost = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " of ",
                                            repository_.Name(), ": the registry sent ", what));
  };
  if (offset_ > blob_.size) return lost(absl::StrCat("more than its ", blob_.size, " bytes"));
  if (offset_ < blob_.size) {
    return lost(absl::StrCat(offset_, " bytes instead of ", blob_.size));
  }
  const oci::Digest got = oci::Digest::FromRaw(blob_.digest.hash_algorithm(), hasher_.Finish());
  if (got != blob_.digest) return lost(absl::StrCat("other bytes: ", got.ToString()));
  checked_ = true;
  return absl::OkStatus();
}

}  // namespace stevedore::transfer
