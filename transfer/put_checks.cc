#include "transfer/put_checks.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {
namespace {

// Stops between two pieces.
class StoppableSink final : public base::ByteSink {
 public:
  StoppableSink(base::ByteSink* below, const std::stop_token* stop) : below_(below), stop_(stop) {}
  absl::Status Write(absl::string_view bytes) override {
    if (stop_->stop_requested()) return absl::CancelledError("writing a blob was cancelled");
    return below_->Write(bytes);
  }
  absl::Status Close() override { return below_->Close(); }

 private:
  base::ByteSink* const below_;
  const std::stop_token* const stop_;
};

// Ends after `limit` bytes, whatever is left.
class LimitedSource final : public base::ByteSource {
 public:
  LimitedSource(base::ByteSource* source, uint64_t limit) : source_(source), left_(limit) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (left_ == 0) return 0;
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer, std::min<uint64_t>(size, left_)));
    left_ -= count;
    return count;
  }

 private:
  base::ByteSource* const source_;
  uint64_t left_;
};

}  // namespace

absl::Status CopyBlob(const oci::Descriptor& blob, const BlobOpener& opener, base::ByteSink& sink,
                      const std::string& place, const std::stop_token& stop) {
  if (stop.stop_requested()) return absl::CancelledError("writing a blob was cancelled");
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, opener());
  StoppableSink stoppable(&sink, &stop);
  // One byte more is let through, to tell a source that lies about its size from a full disk.
  const uint64_t limit = blob.size == UINT64_MAX ? blob.size : blob.size + 1;
  LimitedSource limited(source.get(), limit);
  ASSIGN_OR_RETURN(const uint64_t copied, base::CopyAll(limited, stoppable), "blob ",
                   blob.digest.ToString(), " for ", place);
  if (copied != blob.size) {
    return absl::DataLossError(absl::StrCat(
        "blob ", blob.digest.ToString(), " for ", place, ": ", copied,
        copied > blob.size ? " bytes or more" : " bytes", " came instead of ", blob.size));
  }
  return absl::OkStatus();
}

absl::Status CheckManifestDigest(const std::string& digest, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const oci::Digest parsed, oci::Digest::Parse(digest));
  if (parsed.Verify(bytes).ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("manifest ", digest, " has other bytes: ", oci::Digest::Of(bytes).ToString()));
}

}  // namespace stevedore::transfer
