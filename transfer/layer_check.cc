#include "transfer/layer_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/layer/whiteout.h"

namespace stevedore::transfer {
namespace {

constexpr size_t kDrainBytes = 1 << 16;

// Counts and digests a stream whoever reads it, and remembers how it ended.
class Tap {
 public:
  Tap(std::unique_ptr<base::ByteSource> source, base::HashAlgorithm algorithm,
      const std::function<absl::Status()>* go_on)
      : source_(std::move(source)), algorithm_(algorithm), hasher_(algorithm), go_on_(go_on) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) {
    RETURN_IF_ERROR(end_);
    if (go_on_ != nullptr && *go_on_ != nullptr) {
      if (end_ = (*go_on_)(); !end_.ok()) return end_;
    }
    const absl::StatusOr<size_t> count = source_->Read(buffer, size);
    end_ = count.status();
    RETURN_IF_ERROR(end_);
    hasher_.Update(absl::string_view(buffer, *count));
    bytes_ += *count;
    return *count;
  }

  // Reads what others left. The first error of the stream, if there was any.
  absl::Status Drain() {
    std::vector<char> buffer(kDrainBytes);
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, Read(buffer.data(), buffer.size()));
      if (count == 0) return absl::OkStatus();
    }
  }
  uint64_t bytes() const { return bytes_; }
  oci::Digest Digest() { return oci::Digest::FromRaw(algorithm_, hasher_.Finish()); }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const base::HashAlgorithm algorithm_;
  base::Hasher hasher_;
  const std::function<absl::Status()>* const go_on_;
  absl::Status end_;
  uint64_t bytes_ = 0;
};

// A tap as a source.
class TapSource final : public base::ByteSource {
 public:
  explicit TapSource(Tap* tap) : tap_(tap) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    return tap_->Read(buffer, size);
  }

 private:
  Tap* const tap_;
};

// Reads all entries, with the names of whiteouts: a layer by itself must be a file system.
absl::Status ReadTar(Tap& tar, const oci::TarReaderLimits& limits) {
  TapSource source(&tar);
  oci::TarReaderLimits lenient = limits;
  lenient.allow_climbing_symlinks = true;
  lenient.strip_leading_slashes = true;
  oci::TarReader reader(&source, lenient);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) return absl::OkStatus();
    RETURN_IF_ERROR(oci::ParseWhiteout(entry->entry.path).status());
  }
}

// Digest and size of all that came out of `tap`, which may not be at its end yet.
absl::Status FinishBlob(Tap& tap, const oci::Descriptor& blob, LayerFacts& facts) {
  const absl::Status end = tap.Drain();
  facts.blob_bytes = tap.bytes();
  if (!end.ok()) {
    if (!IsAboutContent(end)) return end;
    facts.problems.push_back(std::string(end.message()));
    return absl::OkStatus();
  }
  if (tap.bytes() != blob.size) {
    facts.problems.push_back(
        absl::StrCat("has ", tap.bytes(), " bytes, but its descriptor says ", blob.size));
  }
  if (const oci::Digest found = tap.Digest(); found != blob.digest) {
    facts.problems.push_back(absl::StrCat("its bytes have the digest ", found.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsAboutContent(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<LayerFacts> CheckBlob(std::unique_ptr<base::ByteSource> source,
                                     const oci::Descriptor& blob,
                                     const LayerCheckOptions& options) {
  Tap tap(std::move(source), blob.digest.hash_algorithm(), &options.go_on);
  LayerFacts facts;
  RETURN_IF_ERROR(FinishBlob(tap, blob, facts));
  return facts;
}

absl::StatusOr<LayerFacts> CheckLayer(std::unique_ptr<base::ByteSource> source,
                                      const oci::Descriptor& blob, base::HashAlgorithm algorithm,
                                      const LayerCheckOptions& options) {
  Tap tap(std::move(source), blob.digest.hash_algorithm(), &options.go_on);
  LayerFacts facts;
  absl::Status tar_end;   // Of the archive.
  absl::Status data_end;  // Of the bytes that it is in.
  absl::StatusOr<oci::Decompressed> opened =
      oci::OpenDecompressed(std::make_unique<TapSource>(&tap), options.decompress);
  data_end = opened.status();
  if (opened.ok()) {
    facts.compression = opened->compression;
    Tap tar(std::move(opened->source), algorithm, nullptr);
    tar_end = ReadTar(tar, options.tar);
    data_end = tar.Drain();
    facts.tar_bytes = tar.bytes();
    if (data_end.ok()) facts.diff_id = tar.Digest();
  }
  for (const absl::Status& end : {data_end, tar_end}) {
    if (!end.ok() && !IsAboutContent(end)) return end;
  }
  RETURN_IF_ERROR(FinishBlob(tap, blob, facts));
  // What is wrong with bytes that are not the right ones is of no interest.
  if (!facts.problems.empty()) return facts;
  if (!data_end.ok()) {
    facts.problems.push_back(std::string(data_end.message()));
  } else if (!tar_end.ok()) {
    facts.problems.push_back(std::string(tar_end.message()));
  }
  return facts;
}

}  // namespace stevedore::transfer
