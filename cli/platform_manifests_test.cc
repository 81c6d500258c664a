#include "cli/platform_manifests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "transfer/layout_repository.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// A layout with one image without layers per platform.
class PlatformManifestsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    ASSERT_OK_AND_ASSIGN(oci::Layout layout,
                         oci::Layout::OpenOrCreate(directory_->path() + "/from"));
    layout_.emplace(std::move(layout));
    ASSERT_OK_AND_ASSIGN(reference_, oci::Reference::Parse("r.test/base:1"));
  }

  // Stores an image for `platform` and returns its manifest's descriptor.
  oci::Descriptor PutImage(const std::string& platform, std::optional<std::string> name) {
    const oci::Platform parsed = *oci::Platform::Parse(platform);
    const oci::Image image = *oci::ImageEditor(parsed).Finish();
    EXPECT_OK(layout_->PutBlob(image.config.bytes()));
    oci::Descriptor descriptor =
        *layout_->PutManifest(image.manifest.bytes(), image.manifest.media_type(), name);
    descriptor.platform = parsed;
    descriptor.annotations.clear();
    return descriptor;
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::optional<oci::Layout> layout_;
  oci::Reference reference_;
};

TEST_F(PlatformManifestsTest, SingleManifestMustBeForThePlatform) {
  const oci::Descriptor image = PutImage("linux/amd64", "r.test/base:1");
  transfer::LayoutRepository source(&*layout_, reference_);
  ASSERT_OK_AND_ASSIGN(const auto found, FindPlatformManifests(source, "1", {"linux/amd64"}, {}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->at("linux/amd64"), image.digest.ToString());
  EXPECT_THAT(FindPlatformManifests(source, "1", {"linux/arm64"}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("linux/arm64")));
}

TEST_F(PlatformManifestsTest, IndexIsSearched) {
  const oci::Descriptor amd = PutImage("linux/amd64", std::nullopt);
  const oci::Descriptor arm = PutImage("linux/arm64", std::nullopt);
  ASSERT_OK_AND_ASSIGN(const oci::Index index, oci::Index::Create({amd, arm}));
  ASSERT_OK(layout_->PutManifest(index.bytes(), index.media_type(), "r.test/base:1"));
  transfer::LayoutRepository source(&*layout_, reference_);
  ASSERT_OK_AND_ASSIGN(const auto found,
                       FindPlatformManifests(source, "1", {"linux/arm64", "linux/amd64"}, {}));
  EXPECT_EQ(found->at("linux/arm64"), arm.digest.ToString());
  EXPECT_EQ(found->at("linux/amd64"), amd.digest.ToString());
}

TEST_F(PlatformManifestsTest, NothingByThatNameIsNoError) {
  transfer::LayoutRepository source(&*layout_, reference_);
  EXPECT_THAT(FindPlatformManifests(source, "2", {"linux/amd64"}, {}), IsOkAndHolds(std::nullopt));
}

TEST_F(PlatformManifestsTest, CopiesAreWhole) {
  const oci::Descriptor image = PutImage("linux/amd64", "r.test/base:1");
  ASSERT_OK_AND_ASSIGN(const oci::Layout other,
                       oci::Layout::OpenOrCreate(directory_->path() + "/to"));
  transfer::LayoutRepository source(&*layout_, reference_);
  transfer::LayoutRepository sink(&other, reference_);
  ASSERT_OK(CopyImage(source, sink, image.digest.ToString(), {}));
  ASSERT_OK_AND_ASSIGN(const auto found,
                       FindPlatformManifests(sink, image.digest.ToString(), {"linux/amd64"}, {}));
  EXPECT_TRUE(found.has_value());
}

}  // namespace
}  // namespace stevedore::cli
