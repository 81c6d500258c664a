#include "oci/image/media_type.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(MediaTypeTest, EachTypeHasOneRole) {
  EXPECT_TRUE(IsManifestType(kOciManifest) && IsManifestType(kDockerManifest));
  EXPECT_TRUE(IsIndexType(kOciIndex) && IsIndexType(kDockerManifestList));
  EXPECT_TRUE(IsConfigType(kOciConfig) && IsConfigType(kDockerConfig));
  EXPECT_FALSE(IsManifestType(kOciIndex) || IsIndexType(kOciManifest) || IsConfigType(kOciEmpty));
  EXPECT_TRUE(IsLayerType("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
  EXPECT_FALSE(IsLayerType("application/vnd.oci.image.layer.nondistributable.v1.tar+lz4"));
  EXPECT_TRUE(IsNonDistributable("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
  EXPECT_TRUE(IsLegacyManifestType("application/vnd.docker.distribution.manifest.v1+prettyjws"));
}

TEST(MediaTypeTest, TheEndingTellsTheCompression) {
  EXPECT_EQ(CompressionOf(kOciLayerGzip), LayerCompression::kGzip);
  EXPECT_EQ(CompressionOf(kDockerLayerGzip), LayerCompression::kGzip);
  EXPECT_EQ(CompressionOf(kOciLayerZstd), LayerCompression::kZstd);
  EXPECT_EQ(CompressionOf(kDockerLayerZstd), LayerCompression::kZstd);
  EXPECT_EQ(CompressionOf(kOciLayer), LayerCompression::kNone);
  EXPECT_EQ(CompressionOf(kDockerLayer), LayerCompression::kNone);
}

TEST(MediaTypeTest, ConvertsBetweenTheFamiliesAndRefusesZstdInDockers) {
  for (const char* oci : {kOciManifest, kOciIndex, kOciConfig, kOciLayer, kOciLayerGzip}) {
    ASSERT_OK_AND_ASSIGN(const std::string docker, ConvertMediaType(oci, ImageFormat::kDocker));
    EXPECT_NE(docker, oci);
    EXPECT_THAT(ConvertMediaType(docker, ImageFormat::kOci), IsOkAndHolds(std::string(oci)));
    EXPECT_THAT(ConvertMediaType(docker, ImageFormat::kDocker), IsOkAndHolds(docker));
  }
  EXPECT_THAT(LayerMediaType(ImageFormat::kDocker, LayerCompression::kZstd),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("use gzip")));
  EXPECT_THAT(LayerMediaType(ImageFormat::kDocker, LayerCompression::kNone),
              IsOkAndHolds(std::string(kDockerLayer)));
  EXPECT_THAT(LayerMediaType(ImageFormat::kOci, LayerCompression::kZstd),
              IsOkAndHolds(std::string(kOciLayerZstd)));
  EXPECT_THAT(ConvertMediaType("text/plain", ImageFormat::kDocker),
              IsOkAndHolds(std::string("text/plain")));
}

TEST(MediaTypeTest, ChecksTheGrammar) {
  for (const char* good : {"application/json", "a/b", "application/vnd.oci.image.index.v1+json"}) {
    EXPECT_TRUE(IsWellFormedMediaType(good)) << good;
  }
  for (const std::string& bad :
       {std::string(""), std::string("a"), std::string("/b"), std::string("a/"),
        std::string("a/b/c"), std::string("-a/b"), std::string("a/.b"), std::string("a b/c"),
        absl::StrCat("a/", std::string(128, 'b'))}) {
    EXPECT_FALSE(IsWellFormedMediaType(bad)) << bad;
  }
}

TEST(MediaTypeTest, StripsParametersOfAHeader) {
  EXPECT_EQ(StripParameters(" Application/JSON ; charset=utf-8"), "application/json");
  EXPECT_EQ(StripParameters(""), "");
}

}  // namespace
}  // namespace stevedore::oci
