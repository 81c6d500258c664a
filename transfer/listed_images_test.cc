#include "transfer/listed_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;

std::string Manifest(MemoryImages& images, const std::string& more = "") {
  const oci::Descriptor config = images.AddBlob("{}", oci::kOciConfig);
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":)",
                      config.ToJson().dump(), R"(,"layers":[])", more, "}");
}

TEST(ListedImagesTest, FindsReferrers) {
  MemoryImages images;
  const std::string image = Manifest(images);
  const oci::Descriptor subject{
      .media_type = oci::kOciManifest, .digest = oci::Digest::Of(image), .size = image.size()};
  ASSERT_OK(images.PutManifest("1.0", image, oci::kOciManifest));
  const std::string sbom =
      Manifest(images, absl::StrCat(R"(,"artifactType":"application/spdx+json","subject":)",
                                    subject.ToJson().dump(), R"(,"annotations":{"a":"b"})"));
  ASSERT_OK(images.PutManifest(oci::Digest::Of(sbom).ToString(), sbom, oci::kOciManifest));
  ASSERT_OK_AND_ASSIGN(const auto found, images.Referrers(subject.digest, ""));
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].digest, oci::Digest::Of(sbom));
  EXPECT_EQ(found[0].artifact_type, "application/spdx+json");
  EXPECT_EQ(found[0].annotations.at("a"), "b");
  EXPECT_EQ(images.Referrers(subject.digest, "application/spdx+json")->size(), 1);
  EXPECT_EQ(images.Referrers(subject.digest, "text/plain")->size(), 0);
  EXPECT_EQ(images.Referrers(oci::Digest::Of("other"), "")->size(), 0);
  EXPECT_EQ(images.Only()->digest, subject.digest);  // The artifact is no second image.
}

TEST(ListedImagesTest, FindsReferrersBehindTheFallbackTag) {
  MemoryImages images;
  const oci::Digest subject = oci::Digest::Of("an image elsewhere");
  const std::string sbom = Manifest(
      images,
      absl::StrCat(R"(,"subject":)",
                   oci::Descriptor{.media_type = oci::kOciManifest, .digest = subject, .size = 18}
                       .ToJson()
                       .dump()));
  images.AddBlob(sbom);
  ASSERT_OK_AND_ASSIGN(const auto index, oci::Index::Create({{.media_type = oci::kOciManifest,
                                                              .digest = oci::Digest::Of(sbom),
                                                              .size = sbom.size()}}));
  ASSERT_OK(
      images.PutManifest(absl::StrCat("sha256-", subject.hex()), index.bytes(), oci::kOciIndex));
  ASSERT_OK_AND_ASSIGN(const auto found, images.Referrers(subject, ""));
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].digest, oci::Digest::Of(sbom));
}

TEST(ListedImagesTest, ContentThatIsNoManifestIsNone) {
  MemoryImages images;
  const oci::Descriptor blob = images.AddBlob("no manifest");
  EXPECT_THAT(images.GetManifest(blob.digest.ToString()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(images.GetManifest(oci::Digest::Of("none").ToString()),
              StatusIs(absl::StatusCode::kNotFound));
  const oci::Descriptor huge = images.AddBlob(std::string((4 << 20) + 1, ' '));
  EXPECT_THAT(images.GetManifest(huge.digest.ToString()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::transfer
