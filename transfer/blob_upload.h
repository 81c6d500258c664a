// Writing blobs to a registry.

#ifndef STEVEDORE_TRANSFER_BLOB_UPLOAD_H_
#define STEVEDORE_TRANSFER_BLOB_UPLOAD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/hash.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "transfer/image_sink.h"
#include "transfer/registry_session.h"

namespace stevedore::transfer {

// One upload session at a registry: opened by POST, moved on by PATCH, ended by PUT. The place to
// write to is what the last answer said. Not thread-safe.
class UploadSession {
 public:
  // `session` must outlive this.
  UploadSession(RegistrySession* session, oci::Reference repository, std::stop_token stop);
  // Cancels what was not finished, within a few seconds and without a word if that fails.
  ~UploadSession();
  UploadSession(const UploadSession&) = delete;
  UploadSession& operator=(const UploadSession&) = delete;

  // Opens a session, giving up the one that was open.
  absl::Status Open();
  bool open() const { return !location_.empty(); }
  // Bytes that the registry has, as far as is known.
  uint64_t offset() const { return offset_; }
  // The least size of a piece but the last; 0 if the registry does not mind.
  uint64_t least_piece_bytes() const { return least_piece_bytes_; }
  // How long the registry asked to wait when it last refused bytes for a passing reason.
  std::optional<absl::Duration> retry_after() const { return retry_after_; }

  // Asks how much arrived. ABORTED if the session is lost: start a new one.
  absl::Status Ask();

  // Sends `bytes` behind what is there. UNAVAILABLE: Ask, and go on from there. ABORTED: the
  // session is lost.
  absl::Status Append(absl::string_view bytes);

  // Sends the last `size` bytes (of `source`, or `bytes` if it is null) and closes the session.
  // UNAVAILABLE and ABORTED as Append; DATA_LOSS if the registry has other content than `digest`.
  absl::Status Finish(const oci::Digest& digest, absl::string_view bytes,
                      base::ByteSource* source = nullptr, uint64_t size = 0);

 private:
  Call MakeCall(const char* method) const;
  absl::Status CheckSent(const Call& call, absl::StatusOr<Answer> answer, int wanted);

  RegistrySession* const session_;
  const oci::Reference repository_;
  const std::stop_token stop_;
  std::string location_;  // Absolute URL; empty: no session.
  uint64_t offset_ = 0;
  uint64_t least_piece_bytes_ = 0;
  std::optional<absl::Duration> retry_after_;
};

// Sends a blob of known digest: RegistryClient::PutBlob.
absl::Status UploadBlob(RegistrySession* session, const oci::Reference& repository,
                        const oci::Descriptor& blob, const BlobOpener& opener,
                        std::stop_token stop);

// A blob that is sent in pieces while it is made: RegistryClient::StartBlob.
class ChunkedUpload final : public BlobUpload {
 public:
  // `session` must outlive the upload.
  ChunkedUpload(RegistrySession* session, oci::Reference repository, std::stop_token stop);

  absl::Status Write(absl::string_view bytes) override;
  absl::Status Close() override { return absl::OkStatus(); }
  absl::StatusOr<oci::Descriptor> Commit(
      const std::optional<oci::Digest>& expected = std::nullopt) override;

 private:
  // Runs `step` on what is left of `piece_` until it succeeds or retries are used up.
  template <typename Step>
  absl::Status Persist(Step step);
  absl::Status Realign();
  absl::Status SendPiece();
  absl::string_view Unsent() const;

  RegistrySession* const session_;
  const std::stop_token stop_;
  UploadSession upload_;
  Retries retries_;
  base::Hasher hasher_;
  std::string piece_;         // Not yet confirmed by the registry; at most one chunk.
  uint64_t piece_start_ = 0;  // Its offset in the blob.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_BLOB_UPLOAD_H_
