#include "transfer/layout_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/layout/layout.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

class LayoutImagesTest : public ::testing::Test {
 protected:
  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  LayoutImages images_{*oci::Layout::OpenOrCreate(directory_.path() + "/images")};
};

TEST_F(LayoutImagesTest, WritesTheKnownIndex) {
  ASSERT_OK(PutTestImage(images_, "v1"));
  ASSERT_OK_AND_ASSIGN(const std::string index,
                       base::ReadFile(directory_.path() + "/images/index.json"));
  EXPECT_EQ(oci::Digest::Of(index).hex(),
            "4aec3df6ca459404537f7942faba018b7357b10456c00da6544d3f41817df4e0");
}

TEST_F(LayoutImagesTest, NamesAreTagsOrReferences) {
  ASSERT_OK(PutTestImage(images_, "v1"));
  ASSERT_OK(PutTestImage(images_, "docker.io/library/alpine:3.20"));
  EXPECT_THAT(images_.ListTags(), IsOkAndHolds(ElementsAre("v1", "docker.io/library/alpine:3.20")));
  EXPECT_EQ(images_.GetManifest("docker.io/library/alpine:3.20")->bytes, TestImage().manifest);
  EXPECT_THAT(images_.GetManifest("v2"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("it has v1, docker.io")));
}

TEST_F(LayoutImagesTest, AnIndexTakesOverItsManifests) {
  const TestImage image;
  ASSERT_OK(PutTestImage(images_, image.digest()));
  EXPECT_EQ(images_.Only()->digest.ToString(), image.digest());
  ASSERT_OK_AND_ASSIGN(const auto index,
                       oci::Index::Create({{.media_type = oci::kOciManifest,
                                            .digest = oci::Digest::Of(image.manifest),
                                            .size = image.manifest.size()}}));
  ASSERT_OK(images_.PutManifest("all", index.bytes(), oci::kOciIndex));
  EXPECT_EQ(images_.layout().ReadIndex()->manifests().size(), 1);
  EXPECT_EQ(images_.GetManifest(image.digest())->bytes, image.manifest);
  // One with a name stays.
  ASSERT_OK(PutTestImage(images_, "amd64"));
  ASSERT_OK(images_.PutManifest("all", index.bytes(), oci::kOciIndex));
  EXPECT_THAT(images_.ListTags(), IsOkAndHolds(ElementsAre("amd64", "all")));
}

TEST_F(LayoutImagesTest, ACorruptIndexIsAnErrorAndStays) {
  const std::string path = directory_.path() + "/images/index.json";
  ASSERT_OK(base::WriteFileAtomically(path, "{"));
  EXPECT_THAT(images_.ListTags(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(PutTestImage(images_, "v1"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds("{"));
}

}  // namespace
}  // namespace stevedore::transfer
