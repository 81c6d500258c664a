#include "oci/layer/archive_decompress.h"

#include <bzlib.h>
#include <lzma.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kInputBytes = 1 << 16;
constexpr uint64_t kMaxXzMemory = 128 << 20;
constexpr absl::string_view kXzMagic(
    "\xFD"
    "7zXZ\0",
    6);
constexpr absl::string_view kBzip2Magic = "BZh";

// Bytes that were read already, then the rest.
class JoinedSource final : public base::ByteSource {
 public:
  JoinedSource(std::string head, std::unique_ptr<base::ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (position_ == head_.size()) return rest_->Read(buffer, size);
    const size_t count = std::min(size, head_.size() - position_);
    std::memcpy(buffer, head_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  const std::string head_;
  const std::unique_ptr<base::ByteSource> rest_;
  size_t position_ = 0;
};

// Counts what comes out and feeds a decoder. `Decoder`: Next(in, in_size, end, out, out_size).
class DecodingSource : public base::ByteSource {
 public:
  DecodingSource(std::unique_ptr<base::ByteSource> source, DecompressOptions options)
      : source_(std::move(source)), options_(options), input_(kInputBytes, '\0') {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (size == 0) return 0;
    size_t made = 0;
    while (made == 0 && !ended_) {
      if (begin_ == end_ && !input_ended_) {
        begin_ = 0;
        ASSIGN_OR_RETURN(end_, source_->Read(input_.data(), input_.size()));
        input_ended_ = end_ == 0;
      }
      ASSIGN_OR_RETURN(made, Decode(buffer, size));
    }
    total_ += made;
    if (total_ > options_.max_output_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "more than ", options_.max_output_bytes, " bytes came out of the compressed archive"));
    }
    return made;
  }

 protected:
  // Takes from [begin_, end_) and returns how much came out; sets `ended_`.
  virtual absl::StatusOr<size_t> Decode(char* buffer, size_t size) = 0;
  absl::Status Damaged(absl::string_view format) const {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", format, " archive is ", input_ended_ ? "cut short" : "damaged"));
  }

  const std::unique_ptr<base::ByteSource> source_;
  const DecompressOptions options_;
  std::string input_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool input_ended_ = false;
  bool ended_ = false;
  uint64_t total_ = 0;
};

class XzSource final : public DecodingSource {
 public:
  using DecodingSource::DecodingSource;
  ~XzSource() override { lzma_end(&stream_); }
  absl::Status Start() {
    if (lzma_stream_decoder(&stream_, kMaxXzMemory, LZMA_CONCATENATED) == LZMA_OK) {
      return absl::OkStatus();
    }
    return absl::ResourceExhaustedError("no memory for an xz decoder");
  }

 private:
  absl::StatusOr<size_t> Decode(char* buffer, size_t size) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(input_.data()) + begin_;
    stream_.avail_in = end_ - begin_;
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer);
    stream_.avail_out = size;
    const lzma_ret result = lzma_code(&stream_, input_ended_ ? LZMA_FINISH : LZMA_RUN);
    begin_ = end_ - stream_.avail_in;
    if (result == LZMA_STREAM_END) {
      ended_ = true;
    } else if (result == LZMA_MEMLIMIT_ERROR || result == LZMA_MEM_ERROR) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the xz archive asks for more than ", kMaxXzMemory, " bytes of memory"));
    } else if (result != LZMA_OK || (input_ended_ && stream_.avail_out == size)) {
      return Damaged("xz");
    }
    return size - stream_.avail_out;
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Bzip2Source final : public DecodingSource {
 public:
  using DecodingSource::DecodingSource;
  ~Bzip2Source() override {
    if (started_) BZ2_bzDecompressEnd(&stream_);
  }
  absl::Status Start() {
    started_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
    if (started_) return absl::OkStatus();
    return absl::ResourceExhaustedError("no memory for a bzip2 decoder");
  }

 private:
  absl::StatusOr<size_t> Decode(char* buffer, size_t size) override {
    if (!started_) {  // Between two streams, as parallel compressors write them.
      if (begin_ == end_) {
        ended_ = input_ended_;
        return 0;
      }
      RETURN_IF_ERROR(Start());
    }
    stream_.next_in = input_.data() + begin_;
    stream_.avail_in = static_cast<unsigned>(end_ - begin_);
    stream_.next_out = buffer;
    stream_.avail_out = static_cast<unsigned>(std::min<size_t>(size, 1 << 30));
    const size_t room = stream_.avail_out;
    const int result = BZ2_bzDecompress(&stream_);
    begin_ = end_ - stream_.avail_in;
    const size_t made = room - stream_.avail_out;
    if (result == BZ_STREAM_END) {
      BZ2_bzDecompressEnd(&stream_);
      stream_ = bz_stream();
      started_ = false;
      return made;
    }
    if (result != BZ_OK || (input_ended_ && made == 0)) return Damaged("bzip2");
    return made;
  }

  bz_stream stream_ = {};
  bool started_ = false;
};

template <typename Source>
absl::StatusOr<OpenedArchive> Open(std::unique_ptr<base::ByteSource> source,
                                   DecompressOptions options) {
  auto opened = std::make_unique<Source>(std::move(source), options);
  RETURN_IF_ERROR(opened->Start());
  return OpenedArchive{true, std::move(opened)};
}

}  // namespace

absl::StatusOr<OpenedArchive> OpenArchive(std::unique_ptr<base::ByteSource> source,
                                          DecompressOptions options) {
  std::string head(kXzMagic.size(), '\0');
  size_t count = 0;
  while (count < head.size()) {
    ASSIGN_OR_RETURN(const size_t more, source->Read(&head[count], head.size() - count));
    if (more == 0) break;
    count += more;
  }
  head.resize(count);
  const bool xz = absl::string_view(head) == kXzMagic;
  const bool bzip2 = absl::StartsWith(head, kBzip2Magic);
  source = std::make_unique<JoinedSource>(std::move(head), std::move(source));
  if (xz) return Open<XzSource>(std::move(source), options);
  if (bzip2) return Open<Bzip2Source>(std::move(source), options);
  ASSIGN_OR_RETURN(Decompressed opened, OpenDecompressed(std::move(source), options));
  return OpenedArchive{opened.compression != LayerCompression::kNone, std::move(opened.source)};
}

}  // namespace stevedore::oci
