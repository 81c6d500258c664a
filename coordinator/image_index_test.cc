#include "coordinator/image_index.h"

#include <gtest/gtest.h>

namespace stevedore::coordinator {
namespace {

TEST(ImageIndexTest, IsCanonicalJson) {
  v1::ManifestResult amd64, arm;
  amd64.set_digest("sha256:aa");
  amd64.set_media_type("application/vnd.oci.image.manifest.v1+json");
  amd64.set_size(400);
  amd64.set_platform("linux/amd64");
  arm = amd64;
  arm.set_digest("sha256:bb");
  arm.set_platform("linux/arm/v7");
  EXPECT_EQ(
      MakeImageIndex({amd64, arm}),
      R"({"manifests":[{"digest":"sha256:aa","mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("platform":{"architecture":"amd64","os":"linux"},"size":400},)"
      R"({"digest":"sha256:bb","mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("platform":{"architecture":"arm","os":"linux","variant":"v7"},"size":400}],)"
      R"("mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2})");
}

TEST(ImageIndexTest, EscapesWhatAWorkerReported) {
  v1::ManifestResult odd;
  odd.set_digest("a\"\\\n");
  EXPECT_NE(MakeImageIndex({odd}).find("\"a\\\"\\\\\\u000a\""), std::string::npos);
}

}  // namespace
}  // namespace stevedore::coordinator
