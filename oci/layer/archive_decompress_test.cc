#include "oci/layer/archive_decompress.h"

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lzma.h>

#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

std::string Text() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919);
  return text;
}

std::string Xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr,
                                    reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                    reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::string Bzip2(std::string text) {
  std::string out(text.size() * 2 + 600, '\0');
  unsigned size = out.size();
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &size, text.data(), text.size(), 1, 0, 0), BZ_OK);
  out.resize(size);
  return out;
}

absl::StatusOr<std::string> Unpack(std::string bytes, uint64_t limit = 1 << 30) {
  absl::StatusOr<OpenedArchive> opened = OpenArchive(
      std::make_unique<base::StringSource>(std::move(bytes)), {.max_output_bytes = limit});
  if (!opened.ok()) return opened.status();
  return base::ReadAll(*opened->source, 1 << 30);
}

TEST(ArchiveDecompressTest, Formats) {
  const std::string text = Text();
  EXPECT_THAT(Unpack(Xz(text)), IsOkAndHolds(text));
  EXPECT_THAT(Unpack(Xz(text) + Xz("b")), IsOkAndHolds(text + "b"));
  EXPECT_THAT(Unpack(Bzip2(text)), IsOkAndHolds(text));
  EXPECT_THAT(Unpack(Bzip2(text) + Bzip2("b")), IsOkAndHolds(text + "b"));
  EXPECT_THAT(Unpack(text), IsOkAndHolds(text));
  EXPECT_THAT(Unpack(""), IsOkAndHolds(std::string()));
  EXPECT_THAT(Unpack("BZ"), IsOkAndHolds(std::string("BZ")));
}

TEST(ArchiveDecompressTest, Damage) {
  for (const std::string& whole : {Xz(Text()), Bzip2(Text())}) {
    for (const size_t size : {size_t{7}, whole.size() / 2, whole.size() - 1}) {
      EXPECT_THAT(Unpack(whole.substr(0, size)),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cut short")))
          << size;
    }
    std::string bad = whole;
    for (size_t i = bad.size() / 2; i < bad.size() / 2 + 16; ++i) bad[i] = ~bad[i];
    EXPECT_THAT(Unpack(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << whole.size();
    EXPECT_THAT(Unpack(whole, 1000), StatusIs(absl::StatusCode::kResourceExhausted));
  }
}

}  // namespace
}  // namespace stevedore::oci
