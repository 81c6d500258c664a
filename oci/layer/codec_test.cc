#include "oci/layer/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/testing/memory_contents.h"

namespace stevedore::oci {
namespace {

using testing::Noise;
using testing::Prose;

std::string CompressWith(ChunkCodec& codec, absl::string_view text) {
  std::string out(codec.Bound(text.size()), '\0');
  auto chunk = codec.Compress(text, out.data());
  EXPECT_OK(chunk);
  out.resize(chunk->size);
  return out;
}

struct KnownAnswer {
  std::string codec;
  // As in Compression::Identity.
  std::string library;
  // SHA-256 of the compressed chunks "", Prose(1 MiB), Noise(1 MiB) and 300 KiB of a mix, one after
  // another.
  std::string sha256;
};

// What these libraries write. If this test fails, a codec library was changed: digests of layers
// are not those of before, and Identity must differ. Then add the new library's line.
const std::vector<KnownAnswer>& KnownAnswers() {
  static const auto* const answers = new std::vector<KnownAnswer>{
      {"gzip:fast", "isal-2.30.0",
       "b00c30f1901d4ea63f0453b6c119746875b73f821f5a371589afc10701064b10"},
      {"gzip", "libdeflate-1.14",
       "2e9ab0c03cbe3d02d8c7eaa2fe118bf33be0a55e56bd92542f7f745b4875e433"},
      {"gzip:small", "libdeflate-1.14",
       "e6cb33bd9196500d14bf3ff178eb71f83b1a69dd401494ec06df05861fbb9bb9"},
      {"zstd:1", "libzstd-1.5.4",
       "cea2a523d02d942df1b3545792773b2f4717c04d24e4a250f7658844f3eead61"},
      {"zstd", "libzstd-1.5.4", "15b0d7b213226dfd3f46c72cfeec3829183b277df99b29a879d7b70dbba24b10"},
      {"zstd:9", "libzstd-1.5.4",
       "57c921c4d4c5e8830995fb595697d4cbb30c8adcb0cfd6d44c32085ff1dd2491"},
  };
  return *answers;
}

TEST(CodecTest, KnownAnswersForKnownLibraries) {
  const std::string chunks[] = {"", Prose(1 << 20), Noise(1 << 20),
                                Prose(100 << 10) + Noise(100 << 10) + std::string(100 << 10, 'z')};
  for (const KnownAnswer& answer : KnownAnswers()) {
    const Compression compression = *Compression::Parse(answer.codec);
    if (compression.Identity().find(answer.library + " ") == std::string::npos) {
      GTEST_LOG_(WARNING) << "no known answer for " << compression.Identity();
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const auto codec, MakeChunkCodec(compression));
    base::Hasher hasher;
    for (const std::string& chunk : chunks) hasher.Update(CompressWith(*codec, chunk));
    std::string hex;
    for (const unsigned char c : hasher.Finish())
      absl::StrAppend(&hex, absl::Hex(c, absl::kZeroPad2));
    EXPECT_EQ(hex, answer.sha256) << answer.codec;
  }
}

TEST(CodecTest, EarlierChunksLeaveNoTrace) {
  for (const char* name :
       {"gzip:fast", "gzip", "gzip:small", "zstd:1", "zstd", "zstd:5", "zstd:7"}) {
    const Compression compression = *Compression::Parse(name);
    ASSERT_OK_AND_ASSIGN(const auto fresh, MakeChunkCodec(compression));
    ASSERT_OK_AND_ASSIGN(const auto used, MakeChunkCodec(compression));
    const std::string text = Prose(700'000, 9);
    CompressWith(*used, Prose(compression.chunk_bytes(), 4));
    CompressWith(*used, Noise(300'000));
    CompressWith(*used, text);
    CompressWith(*used, std::string(500'000, 'a') + text.substr(0, 400'000));
    EXPECT_TRUE(CompressWith(*used, text) == CompressWith(*fresh, text)) << name;
  }
}

TEST(CodecTest, NoiseIsStoredAtItsOwnSize) {
  for (const char* name : {"gzip:fast", "gzip", "gzip:small", "zstd"}) {
    ASSERT_OK_AND_ASSIGN(const auto codec, MakeChunkCodec(*Compression::Parse(name)));
    EXPECT_LT(CompressWith(*codec, Noise(1 << 20)).size(), (1 << 20) + 200) << name;
    // Even byte frequencies alone are not noise.
    std::string ramp;
    for (int i = 0; i < 1 << 20; ++i) ramp.push_back(static_cast<char>(i));
    EXPECT_LT(CompressWith(*codec, ramp).size(), 1 << 16) << name;
  }
}

TEST(CodecTest, TellsNoiseFromText) {
  EXPECT_TRUE(LooksLikeNoise(Noise(1 << 20)));
  EXPECT_TRUE(LooksLikeNoise(Noise(1 << 16)));
  EXPECT_FALSE(LooksLikeNoise(Noise((1 << 16) - 1)));
  EXPECT_FALSE(LooksLikeNoise(Prose(1 << 20)));
  EXPECT_FALSE(LooksLikeNoise(Noise(1 << 19) + Prose(1 << 19)));
}

TEST(CodecTest, NoneHasNoCodec) {
  EXPECT_FALSE(MakeChunkCodec(*Compression::Parse("none")).ok());
  EXPECT_EQ(BlobFrame(*Compression::Parse("none")).Header(), "");
  EXPECT_EQ(CodecMemory(*Compression::Parse("none")), 0u);
  EXPECT_GT(CodecMemory(*Compression::Parse("zstd:19")), CodecMemory(*Compression::Parse("zstd")));
}

}  // namespace
}  // namespace stevedore::oci
