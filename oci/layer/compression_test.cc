#include "oci/layer/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CompressionTest, TextIsReadAndWritten) {
  for (const char* text :
       {"none", "gzip", "gzip:fast", "gzip:small", "zstd", "zstd:1", "zstd:19"}) {
    ASSERT_OK_AND_ASSIGN(const Compression compression, Compression::Parse(text));
    EXPECT_EQ(compression.ToString(), text);
  }
  EXPECT_EQ(Compression::Parse("gzip:balanced")->ToString(), "gzip");
  EXPECT_EQ(Compression::Parse("zstd:3")->ToString(), "zstd");
  EXPECT_EQ(*Compression::Parse("gzip"), Compression());
}

TEST(CompressionTest, OthersAreRefusedWithAList) {
  for (const char* text : {"", "gz", "gzip:9", "zstd:0", "zstd:20", "zstd:", "zstd:x", "GZIP"}) {
    EXPECT_THAT(Compression::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("none of gzip, gzip:fast")))
        << text;
  }
}

TEST(CompressionTest, IdentitiesDifferAndNameTheLibrary) {
  std::set<std::string> identities;
  for (const char* text : {"none", "gzip", "gzip:fast", "gzip:small", "zstd", "zstd:4"}) {
    identities.insert(Compression::Parse(text)->Identity());
  }
  EXPECT_EQ(identities.size(), 6u);
  EXPECT_THAT(Compression().Identity(),
              ::testing::MatchesRegex("gzip libdeflate-[0-9.]+ level 3 chunk 1048576 revision 1"));
}

TEST(CompressionTest, MediaTypes) {
  EXPECT_EQ(Compression::Parse("none")->media_type(), kOciLayer);
  EXPECT_EQ(Compression::Parse("gzip:fast")->media_type(), kOciLayerGzip);
  EXPECT_EQ(Compression::Parse("zstd:7")->media_type(), kOciLayerZstd);
}

}  // namespace
}  // namespace stevedore::oci
