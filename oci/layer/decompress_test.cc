#include "oci/layer/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/codec.h"
#include "oci/layer/testing/memory_contents.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Noise;
using testing::Prose;

// Gives out a few bytes at a time: decoders must not need more.
class DripSource final : public base::ByteSource {
 public:
  explicit DripSource(std::string text, size_t step) : text_(std::move(text)), step_(step) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = std::min({size, step_, text_.size() - position_});
    text_.copy(buffer, count, position_);
    position_ += count;
    return count;
  }

 private:
  const std::string text_;
  const size_t step_;
  size_t position_ = 0;
};

absl::StatusOr<std::string> Decompress(std::string blob, DecompressOptions options = {},
                                       size_t step = 1 << 20) {
  ASSIGN_OR_RETURN(const Decompressed opened,
                   OpenDecompressed(std::make_unique<DripSource>(std::move(blob), step), options));
  return base::ReadAll(*opened.source, 1 << 28);
}

absl::StatusOr<std::string> Whole(std::string text) { return text; }

std::string Compress(absl::string_view codec_name, absl::string_view text) {
  const Compression compression = *Compression::Parse(codec_name);
  auto codec = MakeChunkCodec(compression);
  EXPECT_OK(codec.status());
  std::string out((*codec)->Bound(text.size()), '\0');
  auto chunk = (*codec)->Compress(text, out.data());
  EXPECT_OK(chunk);
  out.resize(chunk->size);
  BlobFrame frame(compression);
  frame.Add(*chunk, text.size());
  return frame.Header() + out + frame.Trailer();
}

// printf hello | gzip -n.
std::string Gzip() {
  return absl::HexStringToBytes("1f8b0800000000000003cb48cdc9c9070086a6103605000000");
}

TEST(DecompressTest, ChoosesByTheFirstBytes) {
  EXPECT_THAT(Decompress(Gzip()), IsOkAndHolds("hello"));
  EXPECT_THAT(Decompress(Compress("zstd", "hello")), IsOkAndHolds("hello"));
  EXPECT_THAT(Decompress("hello"), IsOkAndHolds("hello"));
  EXPECT_THAT(Decompress(""), IsOkAndHolds(""));
  EXPECT_THAT(Decompress("\x1f"), IsOkAndHolds("\x1f"));
  ASSERT_OK_AND_ASSIGN(const Decompressed gzip,
                       OpenDecompressed(std::make_unique<base::StringSource>(Gzip())));
  EXPECT_EQ(gzip.compression, LayerCompression::kGzip);
}

TEST(DecompressTest, ManyPartsInSmallPieces) {
  const std::string text = Prose(300'000) + Noise(100'000);
  for (const char* codec : {"gzip", "gzip:fast", "gzip:small", "zstd"}) {
    const std::string blob = Compress(codec, text);
    EXPECT_TRUE(Decompress(blob) == Whole(text)) << codec;
    EXPECT_TRUE(Decompress(blob, {}, 7) == Whole(text)) << codec;
    EXPECT_TRUE(Decompress(blob + Compress(codec, "more") + blob, {}, 1000) ==
                Whole(text + "more" + text))
        << codec;
    EXPECT_TRUE(Decompress(blob + std::string(1000, '\0')) == Whole(text)) << codec;
  }
}

TEST(DecompressTest, SkippableFramesAnywhere) {
  const std::string skippable = absl::HexStringToBytes("5a2a4d1803000000616263");
  const std::string frame = Compress("zstd", "hello");
  EXPECT_THAT(Decompress(skippable + frame + skippable + frame + skippable, {}, 3),
              IsOkAndHolds("hellohello"));
}

TEST(DecompressTest, GzipHeadersWithNamesAndComments) {
  // FNAME "f" and FCOMMENT "c".
  std::string gzip = Gzip();
  gzip[3] = 0x18;
  gzip.insert(10, std::string("f\0c\0", 4));
  EXPECT_THAT(Decompress(gzip, {}, 1), IsOkAndHolds("hello"));
}

TEST(DecompressTest, DamageIsAnErrorWithAPlace) {
  for (const char* codec : {"gzip", "gzip:fast", "zstd"}) {
    const std::string blob = Compress(codec, Prose(10'000));
    for (const size_t size : {blob.size() - 1, blob.size() / 2, size_t{7}}) {
      EXPECT_THAT(Decompress(blob.substr(0, size)),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           AllOf(HasSubstr("at byte "), HasSubstr("cut short"))))
          << codec << " " << size;
    }
    EXPECT_THAT(Decompress(blob + "rubbish"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("follows the end")))
        << codec;
  }
  std::string wrong = Gzip();
  wrong[wrong.size() - 8] ^= 1;  // The CRC.
  EXPECT_THAT(Decompress(wrong),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("damaged")));
}

// Defect 16 of the predecessor: output without a limit.
TEST(DecompressTest, OutputIsLimited) {
  const std::string zeros(5'000'000, '\0');
  for (const char* codec : {"gzip", "gzip:fast", "zstd"}) {
    const std::string blob = Compress(codec, zeros.substr(0, 1'000'000));
    EXPECT_OK(Decompress(blob, {.max_output_bytes = 1'000'000}));
    EXPECT_THAT(Decompress(blob, {.max_output_bytes = 999'999}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than the 999999")));
  }
  EXPECT_THAT(Decompress("plain", {.max_output_bytes = 4}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(DecompressTest, RatiosAreLimitedBeyondAGrace) {
  const std::string zeros(1'000'000, '\0');
  for (const char* codec : {"gzip", "zstd"}) {
    const std::string blob = Compress(codec, zeros);
    EXPECT_THAT(Decompress(blob, {.max_ratio = 100, .ratio_grace_bytes = 1000}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 100 for each")))
        << codec;
    EXPECT_OK(Decompress(blob, {.max_ratio = 100, .ratio_grace_bytes = 1'000'000})) << codec;
    EXPECT_OK(Decompress(blob, {.max_ratio = 100'000, .ratio_grace_bytes = 1000})) << codec;
    EXPECT_OK(Decompress(Compress(codec, Noise(100'000)), {.max_ratio = 2, .ratio_grace_bytes = 0}))
        << codec;
  }
}

}  // namespace
}  // namespace stevedore::oci
