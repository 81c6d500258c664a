#include "transfer/blob_upload.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "http/url.h"
#include "transfer/registry_error.h"

namespace stevedore::transfer {
namespace {

// How often a whole upload is begun anew after its session was lost.
constexpr int kRestartLimit = 3;
// A registry may not make us hold more than this for one piece.
constexpr uint64_t kPieceLimitBytes = 64 << 20;

// The number of bytes that "0-1023" or "bytes=0-1023" says are there. "0-0" means none: that is how
// docker-registry describes an empty session, and a blob of one byte is quickly sent again.
uint64_t BytesIn(absl::string_view range) {
  const std::vector<absl::string_view> ends = absl::StrSplit(range, '-');
  uint64_t last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[1], &last) || last == 0) return 0;
  return last + 1;
}

// Reads and drops `count` bytes, which the registry has already.
absl::Status Skip(base::ByteSource& source, uint64_t count) {
  std::string scratch(std::min<uint64_t>(count, 64 << 10), '\0');
  while (count > 0) {
    ASSIGN_OR_RETURN(const size_t read,
                     source.Read(scratch.data(), std::min<uint64_t>(count, scratch.size())));
    if (read == 0) return absl::DataLossError("the content became shorter while it was sent");
    count -= read;
  }
  return absl::OkStatus();
}

}  // namespace

UploadSession::UploadSession(RegistrySession* session, oci::Reference repository,
                             std::stop_token stop)
    : session_(session), repository_(std::move(repository)), stop_(std::move(stop)) {}

UploadSession::~UploadSession() {
  if (!open()) return;
  // Being stopped is no reason to leave the session behind, but nobody may wait long for it.
  Call call{.repository = repository_, .method = "DELETE", .url = location_, .push = true};
  if (!stop_.stop_requested()) call.stop = stop_;
  (void)session_->PerformOnce(call,
                              stop_.stop_requested() ? absl::Milliseconds(300) : absl::Seconds(3));
}

Call UploadSession::MakeCall(const char* method) const {
  return Call{.repository = repository_, .method = method, .push = true, .stop = stop_};
}

absl::Status UploadSession::Open() {
  Call call = MakeCall("POST");
  call.url = absl::StrCat("/v2/", repository_.repository(), "/blobs/uploads/");
  location_.clear();
  offset_ = 0;
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  if (answer.status() != 202) return session_->Refusal(call, answer);
  ASSIGN_OR_RETURN(location_, session_->Location(answer));
  const auto least = answer.exchange->headers().Find("OCI-Chunk-Min-Length");
  uint64_t bytes = 0;
  if (least.has_value() && absl::SimpleAtoi(*least, &bytes)) {
    least_piece_bytes_ = std::min(bytes, kPieceLimitBytes);
  }
  return absl::OkStatus();
}

absl::Status UploadSession::Ask() {
  Call call = MakeCall("GET");
  call.url = location_;
  ASSIGN_OR_RETURN(Answer answer, session_->Perform(call));
  if (answer.status() == 404) {
    location_.clear();
    return absl::AbortedError(session_->Refusal(call, answer).message());
  }
  if (answer.status() != 204 && answer.status() != 200) return session_->Refusal(call, answer);
  offset_ = BytesIn(answer.exchange->headers().Find("Range").value_or(""));
  if (answer.exchange->headers().Find("Location").has_value()) {
    ASSIGN_OR_RETURN(location_, session_->Location(answer));
  }
  return absl::OkStatus();
}

// What an answer to sent bytes means for the session.
absl::Status UploadSession::CheckSent(const Call& call, absl::StatusOr<Answer> answer, int wanted) {
  retry_after_.reset();
  RETURN_IF_ERROR(answer.status());
  const int status = answer->status();
  if (IsPassing(status)) retry_after_ = RetryAfter(answer->exchange->headers(), absl::Now());
  if (status == wanted || (wanted == 201 && status == 204)) return absl::OkStatus();
  const absl::Status refusal = session_->Refusal(call, *answer);
  // A token that expired on the way: the next attempt carries a new one.
  if (status == 401 && call.body_source != nullptr) {
    return absl::UnavailableError(refusal.message());
  }
  // 416: the registry has another offset in mind than we; Ask tells.
  if (status == 416) return absl::UnavailableError(refusal.message());
  if (status == 404) {
    location_.clear();
    return absl::AbortedError(refusal.message());
  }
  if (absl::IsDataLoss(refusal)) location_.clear();  // The registry has dropped it.
  return refusal;
}

absl::Status UploadSession::Append(absl::string_view bytes) {
  Call call = MakeCall("PATCH");
  call.url = location_;
  call.headers = {{"Content-Type", "application/octet-stream"},
                  {"Content-Range", absl::StrCat(offset_, "-", offset_ + bytes.size() - 1)}};
  // As a source: a repetition must first ask how much arrived.
  base::StringSource source{std::string(bytes)};
  call.body_source = &source;
  call.body_size = bytes.size();
  absl::StatusOr<Answer> answer = session_->Perform(call);
  std::string next;
  if (answer.ok() && answer->status() == 202) {
    ASSIGN_OR_RETURN(next, session_->Location(*answer));
  }
  RETURN_IF_ERROR(CheckSent(call, std::move(answer), 202));
  location_ = std::move(next);
  offset_ += bytes.size();
  return absl::OkStatus();
}

absl::Status UploadSession::Finish(const oci::Digest& digest, absl::string_view bytes,
                                   base::ByteSource* source, uint64_t size) {
  base::StringSource text{std::string(bytes)};
  Call call = MakeCall("PUT");
  call.url = http::AddQuery(location_, "digest", digest.ToString());
  call.body_source = source == nullptr ? &text : source;
  call.body_size = source == nullptr ? bytes.size() : size;
  call.headers = {{"Content-Type", "application/octet-stream"}};
  if (offset_ > 0 && call.body_size > 0) {
    call.headers.Add("Content-Range", absl::StrCat(offset_, "-", offset_ + call.body_size - 1));
  }
  RETURN_IF_ERROR(CheckSent(call, session_->Perform(call), 201));
  location_.clear();
  return absl::OkStatus();
}

namespace {

// One attempt to send the blob, from where the registry is.
absl::Status SendRest(UploadSession& upload, const oci::Descriptor& blob,
                      const BlobOpener& opener) {
  if (upload.offset() > blob.size) {
    return absl::AbortedError("the registry has more bytes than were sent");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, opener());
  RETURN_IF_ERROR(Skip(*source, upload.offset()));
  return upload.Finish(blob.digest, "", source.get(), blob.size - upload.offset());
}

}  // namespace

absl::Status UploadBlob(RegistrySession* session, const oci::Reference& repository,
                        const oci::Descriptor& blob, const BlobOpener& opener,
                        std::stop_token stop) {
  const std::string doing =
      absl::StrCat("push blob ", blob.digest.Short(), " to ", repository.Name());
  UploadSession upload(session, repository, stop);
  Retries retries(&session->options(), session->options().retries);
  int restarts = 0;
  bool resumed = false;
  while (true) {
    if (!upload.open()) {
      RETURN_IF_ERROR(upload.Open(), doing);
      resumed = false;
    }
    absl::Status status = SendRest(upload, blob, opener);
    if (status.ok()) return status;
    // Two views of how much had arrived were glued together; once more from the start.
    const bool glued = absl::IsDataLoss(status) && resumed && !upload.open();
    if (absl::IsAborted(status) || glued) {
      if (++restarts > kRestartLimit) return base::Annotate(status, doing);
      continue;
    }
    if (!absl::IsUnavailable(status)) return base::Annotate(status, doing);
    if (!retries.Again(upload.retry_after(), stop)) {
      if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(doing, ": cancelled"));
      return base::Annotate(
          status, absl::StrCat(doing, " (given up after ", retries.attempts(), " times)"));
    }
    const uint64_t before = upload.offset();
    status = upload.Ask();
    if (!status.ok() && !absl::IsAborted(status)) return base::Annotate(status, doing);
    resumed = upload.open() && upload.offset() > 0;
    if (upload.offset() > before) retries.Restart();
  }
}

ChunkedUpload::ChunkedUpload(RegistrySession* session, oci::Reference repository,
                             std::stop_token stop)
    : session_(session),
      stop_(stop),
      upload_(session, std::move(repository), stop),
      retries_(&session->options(), session->options().retries) {}

absl::string_view ChunkedUpload::Unsent() const {
  return absl::string_view(piece_).substr(upload_.offset() - piece_start_);
}

// After a failure: where does the registry want us to go on? Only within the piece that is kept.
absl::Status ChunkedUpload::Realign() {
  const absl::Status status = upload_.Ask();
  if (absl::IsAborted(status) && piece_start_ == 0) return upload_.Open();
  RETURN_IF_ERROR(status);
  if (upload_.offset() < piece_start_ || upload_.offset() > piece_start_ + piece_.size()) {
    return absl::AbortedError(absl::StrCat("the registry has ", upload_.offset(),
                                           " bytes of the upload, but ", piece_start_,
                                           " were confirmed before"));
  }
  return absl::OkStatus();
}

template <typename Step>
absl::Status ChunkedUpload::Persist(Step step) {
  if (!upload_.open()) RETURN_IF_ERROR(upload_.Open());
  while (true) {
    absl::Status status = step();
    if (status.ok()) {
      retries_.Restart();
      return status;
    }
    const bool lost = absl::IsAborted(status) && piece_start_ == 0;
    if (!absl::IsUnavailable(status) && !lost) return status;
    if (!retries_.Again(upload_.retry_after(), stop_)) {
      return stop_.stop_requested() ? absl::CancelledError("upload cancelled") : status;
    }
    if (upload_.open()) {
      RETURN_IF_ERROR(Realign());
    } else {
      RETURN_IF_ERROR(upload_.Open());
    }
  }
}

absl::Status ChunkedUpload::SendPiece() {
  RETURN_IF_ERROR(Persist([this] {
    const absl::string_view rest = Unsent();
    return rest.empty() ? absl::OkStatus() : upload_.Append(rest);
  }));
  piece_start_ += piece_.size();
  piece_.clear();
  return absl::OkStatus();
}

absl::Status ChunkedUpload::Write(absl::string_view bytes) {
  hasher_.Update(bytes);
  while (!bytes.empty()) {
    const uint64_t limit = std::max(session_->options().chunk_bytes, upload_.least_piece_bytes());
    if (piece_.size() >= limit) {
      RETURN_IF_ERROR(SendPiece(), "streaming upload");
      continue;
    }
    const size_t count = std::min<uint64_t>(bytes.size(), limit - piece_.size());
    piece_.append(bytes.data(), count);
    bytes.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<oci::Descriptor> ChunkedUpload::Commit(const std::optional<oci::Digest>& expected) {
  const oci::Digest digest = oci::Digest::FromSha256(hasher_.Finish());
  if (expected.has_value() && expected->algorithm() == digest.algorithm() && *expected != digest) {
    return absl::DataLossError(
        absl::StrCat("the upload is ", digest.ToString(), ", expected was ", expected->ToString()));
  }
  RETURN_IF_ERROR(Persist([&] { return upload_.Finish(digest, Unsent()); }), "streaming upload of ",
                  digest.Short());
  return oci::Descriptor{.media_type = "", .digest = digest, .size = piece_start_ + piece_.size()};
}

}  // namespace stevedore::transfer
