#include "transfer/static_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
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
using testing::PutTestImage;
using testing::TestImage;

class StaticImagesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> File(const std::string& name) const {
    return base::ReadFile(absl::StrCat(root_, "/v2/", name));
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const std::string root_ = directory_.path() + "/pub";
};

TEST_F(StaticImagesTest, HasTheShapeOfARegistry) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, StaticImages::OpenOrCreate(root_, "shop/web"));
  ASSERT_OK(PutTestImage(*images, "1.0"));
  for (const std::string& name : {std::string("1.0"), image.digest()}) {
    EXPECT_THAT(File("shop/web/manifests/" + name), IsOkAndHolds(image.manifest));
    EXPECT_THAT(File("shop/web/manifests/" + name + ".mediatype"), IsOkAndHolds(oci::kOciManifest));
  }
  EXPECT_THAT(File("shop/web/blobs/" + oci::Digest::Of(image.layer).ToString()),
              IsOkAndHolds(image.layer));
  EXPECT_THAT(File("shop/web/tags/list"), IsOkAndHolds(R"({"name":"shop/web","tags":["1.0"]})"));
  // A tag and its digest are one image.
  EXPECT_EQ(images->Only()->digest.ToString(), image.digest());
}

TEST_F(StaticImagesTest, ListsWhatIsAttached) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, StaticImages::OpenOrCreate(root_, ""));
  ASSERT_OK(PutTestImage(*images, "1.0"));
  const std::string sbom = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
      R"(","artifactType":"text/x","config":{"mediaType":")", oci::kOciConfig, R"(","digest":")",
      oci::Digest::Of(image.config).ToString(), R"(","size":)", image.config.size(),
      R"(},"layers":[],"subject":{"mediaType":")", oci::kOciManifest, R"(","digest":")",
      image.digest(), R"(","size":)", image.manifest.size(), "}}");
  ASSERT_OK(images->PutManifest(oci::Digest::Of(sbom).ToString(), sbom, oci::kOciManifest));
  ASSERT_OK_AND_ASSIGN(const std::string list, File("image/referrers/" + image.digest()));
  EXPECT_THAT(list, HasSubstr(oci::Digest::Of(sbom).ToString()));
  EXPECT_THAT(list, HasSubstr("text/x"));
}

TEST_F(StaticImagesTest, FindsTheOnlyRepository) {
  EXPECT_THAT(StaticImages::Open(root_, ""), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const auto images, StaticImages::OpenOrCreate(root_, "a/b/c"));
  ASSERT_OK(PutTestImage(*images, "1.0"));
  ASSERT_OK_AND_ASSIGN(const auto found, StaticImages::Open(root_, ""));
  EXPECT_THAT(found->Describe(), HasSubstr("(a/b/c)"));
  ASSERT_OK_AND_ASSIGN(const auto second, StaticImages::OpenOrCreate(root_, "z"));
  EXPECT_THAT(StaticImages::Open(root_, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a/b/c, z")));
  EXPECT_THAT(StaticImages::Open(root_, "nope"), StatusIs(absl::StatusCode::kNotFound));
  // What another repository has is one file more, not one copy more.
  EXPECT_THAT(second->MountBlob(oci::Digest::Of(TestImage().layer), "a/b/c"), IsOkAndHolds(true));
  EXPECT_THAT(second->HasBlob(oci::Digest::Of(TestImage().layer)), IsOkAndHolds(true));
  EXPECT_THAT(second->MountBlob(oci::Digest::Of("x"), "../.."), IsOkAndHolds(false));
}

TEST_F(StaticImagesTest, RefusesNamesThatAreNone) {
  EXPECT_THAT(StaticImages::OpenOrCreate(root_, "../x"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const auto images, StaticImages::OpenOrCreate(root_, "a"));
  EXPECT_THAT(PutTestImage(*images, "x.mediatype"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mediatype")));
  EXPECT_THAT(PutTestImage(*images, "a/b"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(StaticImagesTest, LyingDigestsShow) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, StaticImages::OpenOrCreate(root_, "a"));
  ASSERT_OK(PutTestImage(*images, "1.0"));
  ASSERT_OK(base::WriteFileAtomically(absl::StrCat(root_, "/v2/a/manifests/", image.digest()),
                                      image.manifest + " "));
  EXPECT_THAT(images->GetManifest(image.digest()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(images->ListTags(), IsOkAndHolds(ElementsAre("1.0")));
}

}  // namespace
}  // namespace stevedore::transfer
