#include "oci/layer/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/c_handle.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kInputBytes = 1 << 16;
constexpr size_t kMagicBytes = 6;
// 128 MiB: what zstd(1) itself accepts without being told to.
constexpr int kMaxZstdWindowLog = 27;

// Compressed input with a look at its start.
class Input {
 public:
  explicit Input(std::unique_ptr<base::ByteSource> source) : source_(std::move(source)) {}

  // Bytes not consumed yet; reads until there is at least one. Empty: the end.
  absl::StatusOr<absl::string_view> Peek() {
    if (begin_ == end_ && !ended_) RETURN_IF_ERROR(Refill());
    return absl::string_view(buffer_.data() + begin_, end_ - begin_);
  }
  // As Peek, but reads until there are `count` bytes if the stream has them.
  absl::StatusOr<absl::string_view> PeekAtLeast(size_t count) {
    while (end_ - begin_ < count && !ended_) RETURN_IF_ERROR(Refill());
    return absl::string_view(buffer_.data() + begin_, end_ - begin_);
  }
  void Consume(size_t count) {
    begin_ += count;
    offset_ += count;
  }
  // Of the next byte in the stream.
  uint64_t offset() const { return offset_; }
  base::ByteSource& source() { return *source_; }

 private:
  absl::Status Refill() {
    std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    ASSIGN_OR_RETURN(const size_t count,
                     source_->Read(buffer_.data() + end_, buffer_.size() - end_));
    end_ += count;
    ended_ = count == 0;
    return absl::OkStatus();
  }

  const std::unique_ptr<base::ByteSource> source_;
  std::vector<char> buffer_ = std::vector<char>(kInputBytes);
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;
  bool ended_ = false;
};

// What the decoders share: input, the output limit, errors with a place.
class Decoder : public base::ByteSource {
 public:
  Decoder(std::unique_ptr<Input> input, const char* format, DecompressOptions options)
      : input_(std::move(input)), format_(format), options_(options) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) final {
    ASSIGN_OR_RETURN(const size_t count, Decode(buffer, size));
    output_ += count;
    if (output_ > options_.max_output_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(format_, " stream: more than the ", options_.max_output_bytes,
                       " bytes allowed came out of ", input_->offset(), " bytes"));
    }
    if (options_.max_ratio > 0 && output_ > options_.ratio_grace_bytes &&
        output_ / options_.max_ratio > input_->offset()) {
      return absl::ResourceExhaustedError(
          absl::StrCat(format_, " stream: ", output_, " bytes came out of ", input_->offset(),
                       ", more than ", options_.max_ratio, " for each; this looks like a bomb"));
    }
    return count;
  }

 protected:
  virtual absl::StatusOr<size_t> Decode(char* buffer, size_t size) = 0;

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(format_, " stream, at byte ", input_->offset(), ": ", what));
  }
  // After the end of a member or frame: true if another one follows, false at the end of the
  // stream, skipping zeros (tapes and some uploaders pad); an error for anything else.
  absl::StatusOr<bool> StartsAgain(absl::string_view magic) {
    ASSIGN_OR_RETURN(absl::string_view next, input_->PeekAtLeast(magic.size()));
    if (next.empty()) return false;
    if (next.substr(0, magic.size()) == magic) return true;
    while (!next.empty()) {
      if (std::any_of(next.begin(), next.end(), [](char c) { return c != 0; })) {
        return Error("something other than a further part follows the end");
      }
      input_->Consume(next.size());
      ASSIGN_OR_RETURN(next, input_->Peek());
    }
    return false;
  }

  const std::unique_ptr<Input> input_;

 private:
  const char* const format_;
  const DecompressOptions options_;
  uint64_t output_ = 0;
};

constexpr absl::string_view kGzipMagic("\x1f\x8b", 2);
constexpr absl::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder(std::unique_ptr<Input> input, DecompressOptions options)
      : Decoder(std::move(input), "gzip", options) {}
  ~GzipDecoder() override {
    if (ready_) inflateEnd(&stream_);
  }
  absl::Status Init() {
    // 16: a gzip header and trailer, both checked by zlib.
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) {
      return absl::ResourceExhaustedError("no memory for a gzip decoder");
    }
    ready_ = true;
    return absl::OkStatus();
  }

 protected:
  absl::StatusOr<size_t> Decode(char* buffer, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, UINT32_MAX));
    const uInt room = stream_.avail_out;
    while (!ended_ && stream_.avail_out == room) {
      ASSIGN_OR_RETURN(const absl::string_view in, input_->Peek());
      if (in.empty()) return Error("ends in the middle of a member; it was cut short");
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
      stream_.avail_in = static_cast<uInt>(in.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      input_->Consume(in.size() - stream_.avail_in);
      if (result == Z_STREAM_END) {
        ASSIGN_OR_RETURN(const bool again, StartsAgain(kGzipMagic));
        ended_ = !again;
        if (again) inflateReset(&stream_);
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return Error(absl::StrCat("damaged: ", stream_.msg == nullptr ? "no detail" : stream_.msg));
      }
    }
    return room - stream_.avail_out;
  }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
  bool ended_ = false;
};

bool IsSkippableFrame(absl::string_view start) {
  return start.size() >= 4 && (start[0] & 0xf0) == 0x50 && start.substr(1, 3) == "\x2a\x4d\x18";
}

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder(std::unique_ptr<Input> input, DecompressOptions options)
      : Decoder(std::move(input), "zstd", options) {}
  absl::Status Init() {
    context_.reset(ZSTD_createDCtx());
    if (context_ == nullptr) return absl::ResourceExhaustedError("no memory for a zstd decoder");
    const size_t set =
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    if (ZSTD_isError(set)) return absl::InternalError(ZSTD_getErrorName(set));
    return absl::OkStatus();
  }

 protected:
  absl::StatusOr<size_t> Decode(char* buffer, size_t size) override {
    ZSTD_outBuffer out{buffer, size, 0};
    while (!ended_ && out.pos == 0) {
      if (frame_done_) {
        ASSIGN_OR_RETURN(const absl::string_view next, input_->PeekAtLeast(4));
        if (!IsSkippableFrame(next)) {
          ASSIGN_OR_RETURN(const bool again, StartsAgain(kZstdMagic));
          ended_ = !again;
          if (ended_) break;
        }
        frame_done_ = false;
      }
      ASSIGN_OR_RETURN(const absl::string_view bytes, input_->Peek());
      // The decoder may still hold output of a frame whose input is used up.
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      const size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
      input_->Consume(in.pos);
      if (ZSTD_isError(result)) {
        return Error(absl::StrCat("damaged: ", ZSTD_getErrorName(result)));
      }
      frame_done_ = result == 0;
      if (!frame_done_ && bytes.empty() && out.pos == 0) {
        return Error("ends in the middle of a frame; it was cut short");
      }
    }
    return out.pos;
  }

 private:
  base::CHandle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  bool frame_done_ = true;
  bool ended_ = false;
};

class PlainSource final : public Decoder {
 public:
  PlainSource(std::unique_ptr<Input> input, DecompressOptions options)
      : Decoder(std::move(input), "uncompressed", options) {}

 protected:
  absl::StatusOr<size_t> Decode(char* buffer, size_t size) override {
    ASSIGN_OR_RETURN(const absl::string_view bytes, input_->Peek());
    const size_t count = std::min(size, bytes.size());
    std::memcpy(buffer, bytes.data(), count);
    input_->Consume(count);
    return count;
  }
};

}  // namespace

absl::StatusOr<Decompressed> OpenDecompressed(std::unique_ptr<base::ByteSource> source,
                                              DecompressOptions options) {
  auto input = std::make_unique<Input>(std::move(source));
  ASSIGN_OR_RETURN(const absl::string_view start, input->PeekAtLeast(kMagicBytes));
  if (start.substr(0, 2) == kGzipMagic) {
    auto decoder = std::make_unique<GzipDecoder>(std::move(input), options);
    RETURN_IF_ERROR(decoder->Init());
    return Decompressed{LayerCompression::kGzip, std::move(decoder)};
  }
  if (start.substr(0, 4) == kZstdMagic || IsSkippableFrame(start)) {
    auto decoder = std::make_unique<ZstdDecoder>(std::move(input), options);
    RETURN_IF_ERROR(decoder->Init());
    return Decompressed{LayerCompression::kZstd, std::move(decoder)};
  }
  return Decompressed{LayerCompression::kNone,
                      std::make_unique<PlainSource>(std::move(input), options)};
}

}  // namespace stevedore::oci
