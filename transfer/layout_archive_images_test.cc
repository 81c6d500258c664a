#include "transfer/layout_archive_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::OpenBytes;
using testing::TestArchive;
using testing::TestImage;

constexpr char kVersion[] = R"({"imageLayoutVersion":"1.0.0"})";

std::string Blob(const std::string& bytes) {
  return absl::StrCat("blobs/", oci::Digest::Of(bytes).Path());
}

std::string IndexOf(const TestImage& image, const std::string& name, uint64_t size) {
  return absl::StrCat(R"({"schemaVersion":2,"manifests":[{"mediaType":")", oci::kOciManifest,
                      R"(","digest":")", image.digest(), R"(","size":)", size,
                      R"(,"annotations":{"org.opencontainers.image.ref.name":")", name, R"("}}]})");
}

absl::StatusOr<std::unique_ptr<LayoutArchiveImages>> Open(const TestArchive& archive) {
  auto opened = OpenBytes(archive.Bytes());
  if (!opened.ok()) return opened.status();
  return LayoutArchiveImages::Open(*std::move(opened));
}

TestArchive Whole(const TestImage& image) {
  return TestArchive()
      .Add("oci-layout", kVersion)
      .Add("index.json", IndexOf(image, "v1", image.manifest.size()))
      .Add(Blob(image.manifest), image.manifest)
      .Add(Blob(image.config), image.config)
      .Add(Blob(image.layer), image.layer);
}

TEST(LayoutArchiveImagesTest, ReadsAnImage) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, Open(Whole(image)));
  EXPECT_THAT(images->ListTags(), IsOkAndHolds(ElementsAre("v1")));
  EXPECT_EQ(images->GetManifest("v1")->bytes, image.manifest);
  EXPECT_EQ(images->GetManifest("")->digest.ToString(), image.digest());
  ASSERT_OK_AND_ASSIGN(const auto layer, images->OpenBlob(image.LayerDescriptor()));
  EXPECT_THAT(base::ReadAll(*layer, 1 << 20), IsOkAndHolds(image.layer));
  EXPECT_EQ(images->Describe(), "oci-archive:test.tar");
}

TEST(LayoutArchiveImagesTest, NamesTheOtherKind) {
  EXPECT_THAT(Open(TestArchive().Add("manifest.json", "[]")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("docker-archive:")));
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", R"({"imageLayoutVersion":"2.0.0"})")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1.0.0")));
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", kVersion)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("index.json")));
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", kVersion).Add("index.json", "{")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(LayoutArchiveImagesTest, BelievesNothing) {
  const TestImage image;
  // A manifest that is not its name, one of another size, and one that is a link.
  ASSERT_OK_AND_ASSIGN(
      const auto lying,
      Open(TestArchive(Whole(image)).Add(Blob(image.manifest), image.manifest + " ")));
  EXPECT_THAT(lying->GetManifest("v1"), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(
      const auto size,
      Open(Whole(image).Add("index.json", IndexOf(image, "v1", image.manifest.size() + 1))));
  EXPECT_THAT(size->GetManifest("v1"), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(const auto link,
                       Open(Whole(image)
                                .Add("elsewhere", image.manifest)
                                .AddLink(Blob(image.manifest), "../../elsewhere")));
  EXPECT_THAT(link->HeadManifest("v1"), IsOkAndHolds(std::nullopt));
  // A layer that is not its name.
  ASSERT_OK_AND_ASSIGN(const auto layer, Open(Whole(image).Add(Blob(image.layer), "other")));
  ASSERT_OK_AND_ASSIGN(const auto source, layer->OpenBlob(image.LayerDescriptor()));
  EXPECT_THAT(base::ReadAll(*source, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
  // One that is missing.
  EXPECT_THAT(layer->OpenBlob({.digest = oci::Digest::Of("x"), .size = 1}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("incomplete")));
}

TEST(LayoutArchiveImagesTest, RefusesDeepAndHugeDocuments) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "[";
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", kVersion).Add("index.json", deep)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Open(TestArchive().Add("oci-layout", std::string(5000, ' '))),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::transfer
