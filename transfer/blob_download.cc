#include "transfer/blob_download.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status.h"

namespace stevedore::transfer {

BlobDownload::BlobDownload(RegistrySession* session, std::vector<oci::Reference> places,
                           oci::Descriptor blob, std::stop_token stop)
    : session_(session),
      places_(std::move(places)),
      blob_(std::move(blob)),
      stop_(std::move(stop)),
      hasher_(blob_.digest.hash_algorithm()),
      retries_(&session->options(), session->options().retries) {}

absl::StatusOr<std::unique_ptr<BlobDownload>> BlobDownload::Start(RegistrySession* session,
                                                                  oci::Reference repository,
                                                                  oci::Descriptor blob,
                                                                  std::stop_token stop) {
  ASSIGN_OR_RETURN(std::vector<oci::Reference> places, session->Places(repository));
  std::unique_ptr<BlobDownload> download(
      new BlobDownload(session, std::move(places), std::move(blob), std::move(stop)));
  RETURN_IF_ERROR(download->Connect());
  return download;
}

std::string BlobDownload::Doing() const {
  return absl::StrCat("blob ", blob_.digest.Short(), " of ", places_[place_].Name());
}

absl::Status BlobDownload::Connect() {
  while (true) {
    const absl::Status status = ConnectHere();
    if (status.ok() || at_last_place() || absl::IsCancelled(status)) return status;
    session_->MirrorFailed(places_[place_], status);
    ++place_;
  }
}

absl::Status BlobDownload::ConnectHere() {
  const oci::Reference& repository = places_[place_];
  Call call{
      .repository = repository,
      .url = absl::StrCat("/v2/", repository.repository(), "/blobs/", blob_.digest.ToString()),
      .patient = at_last_place(),
      .stop = stop_};
  if (offset_ > 0) call.headers.Add("Range", absl::StrCat("bytes=", offset_, "-"));
  ASSIGN_OR_RETURN(answer_, session_->Perform(call), Doing());
  skip_ = 0;
  waited_ = absl::ZeroDuration();
  came_ = 0;
  if (answer_.status() == 200) {
    skip_ = offset_;
    uint64_t length = 0;
    const auto announced = answer_.exchange->headers().Find("Content-Length");
    // Rather than fetch gigabytes that cannot be right.
    if (blob_.size != kUnknownBlobSize && announced.has_value() &&
        absl::SimpleAtoi(*announced, &length) && length != blob_.size) {
      return absl::DataLossError(absl::StrCat(Doing(), ": the registry announces ", length,
                                              " bytes instead of ", blob_.size,
                                              "; was the manifest written for another blob?"));
    }
    return absl::OkStatus();
  }
  if (answer_.status() == 206 && offset_ > 0) return CheckRange(answer_);
  return base::Annotate(session_->Refusal(call, answer_), Doing());
}

absl::Status BlobDownload::CheckRange(const Answer& answer) const {
  const std::string range = answer.exchange->headers().Find("Content-Range").value_or("");
  if (absl::StartsWith(range, absl::StrCat("bytes ", offset_, "-"))) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(Doing(), ": asked for bytes from ", offset_, ", got ", base::Quoted(range)));
}

absl::Status BlobDownload::Resume(const absl::Status& failure) {
  if (!at_last_place()) {
    session_->MirrorFailed(places_[place_], failure);
    ++place_;
    return Connect();
  }
  if (!retries_.Again(std::nullopt, stop_)) {
    if (stop_.stop_requested()) return absl::CancelledError(absl::StrCat(Doing(), ": cancelled"));
    return base::Annotate(failure, absl::StrCat(Doing(), " at byte ", offset_, " (given up after ",
                                                retries_.attempts(), " times)"));
  }
  return Connect();
}

absl::StatusOr<size_t> BlobDownload::ReadWatched(char* buffer, size_t size) {
  const absl::Duration before = base::Clock::System().SinceBoot();
  ASSIGN_OR_RETURN(const size_t read, answer_.exchange->Read(buffer, size));
  waited_ += base::Clock::System().SinceBoot() - before;
  came_ += read;
  const absl::Duration window = session_->options().idle_timeout;
  if (read == 0 || waited_ < window) return read;
  const uint64_t least = static_cast<uint64_t>(absl::ToDoubleSeconds(waited_) *
                                               session_->options().least_bytes_per_second);
  if (came_ >= least) {
    slow_times_ = 0;
    waited_ = absl::ZeroDuration();
    came_ = 0;
    return read;
  }
  const std::string slow =
      absl::StrCat("too slow: ", came_, " bytes in ",
                   absl::FormatDuration(absl::Trunc(waited_, absl::Milliseconds(100))),
                   ", expected are ", least);
  // Another connection may be faster; a registry that always trickles may not hold us for ever.
  if (!at_last_place() || ++slow_times_ <= session_->options().retries) {
    return absl::UnavailableError(slow);
  }
  return absl::DeadlineExceededError(absl::StrCat(Doing(), " at byte ", offset_, ": ", slow,
                                                  ", for the ", slow_times_,
                                                  "th time; try later, or another mirror"));
}

absl::StatusOr<size_t> BlobDownload::Read(char* buffer, size_t size) {
  while (true) {
    // While skipping, the caller's buffer only serves as scratch space.
    const size_t want = skip_ > 0 ? std::min<uint64_t>(size, skip_) : size;
    absl::StatusOr<size_t> read = ReadWatched(buffer, want);
    // Some servers end an answer without a word; what matters is that all bytes are there.
    if (absl::IsUnavailable(read.status()) && skip_ == 0 && offset_ == blob_.size) read = 0;
    if (absl::IsUnavailable(read.status())) {
      RETURN_IF_ERROR(Resume(read.status()));
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
    absl::Status status =
        absl::DataLossError(absl::StrCat("blob ", blob_.digest.ToString(), " of ",
                                         places_[place_].Name(), ": the registry sent ", what));
    if (!at_last_place()) session_->MirrorFailed(places_[place_], status);
    return status;
  };
  if (blob_.size != kUnknownBlobSize) {
    if (offset_ > blob_.size) return lost(absl::StrCat("more than its ", blob_.size, " bytes"));
    if (offset_ < blob_.size) {
      return lost(absl::StrCat(offset_, " bytes instead of ", blob_.size));
    }
  }
  const oci::Digest got = oci::Digest::FromRaw(blob_.digest.hash_algorithm(), hasher_.Finish());
  if (got != blob_.digest) return lost(absl::StrCat("other bytes: ", got.ToString()));
  checked_ = true;
  return absl::OkStatus();
}

}  // namespace stevedore::transfer
