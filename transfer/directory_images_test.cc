#include "transfer/directory_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

class DirectoryImagesTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return base::JoinPath(path_, name); }
  std::string Hex(const std::string& bytes) const {
    return std::string(oci::Digest::Of(bytes).hex());
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const std::string path_ = directory_.path() + "/image";
};

TEST_F(DirectoryImagesTest, LaysFilesOutAsSkopeo) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, DirectoryImages::OpenOrCreate(path_));
  EXPECT_THAT(DirectoryImages::Open(path_), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(PutTestImage(*images, "any"));
  ASSERT_OK(images->Finish());
  EXPECT_THAT(base::ReadFile(Path("version")), IsOkAndHolds("Directory Transport Version: 1.1\n"));
  EXPECT_THAT(base::ReadFile(Path("manifest.json")), IsOkAndHolds(image.manifest));
  EXPECT_THAT(base::ReadFile(Path(Hex(image.config))), IsOkAndHolds(image.config));
  EXPECT_THAT(base::ReadFile(Path(Hex(image.layer))), IsOkAndHolds(image.layer));
  ASSERT_OK_AND_ASSIGN(const auto again, DirectoryImages::Open(path_));
  EXPECT_EQ(again->GetManifest("whatever")->digest.ToString(), image.digest());
  EXPECT_EQ(again->GetManifest(image.digest())->bytes, image.manifest);
}

TEST_F(DirectoryImagesTest, ChildrenOfAnIndexHaveFilesOfTheirOwn) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, DirectoryImages::OpenOrCreate(path_));
  ASSERT_OK(PutTestImage(*images, image.digest()));
  ASSERT_OK_AND_ASSIGN(const auto index,
                       oci::Index::Create({{.media_type = oci::kOciManifest,
                                            .digest = oci::Digest::Of(image.manifest),
                                            .size = image.manifest.size()}}));
  ASSERT_OK(images->PutManifest("x", index.bytes(), oci::kOciIndex));
  ASSERT_OK(images->Finish());
  EXPECT_TRUE(base::Exists(Path(Hex(image.manifest) + ".manifest.json")));
  EXPECT_TRUE(base::Exists(Path(Hex(image.layer))));
  EXPECT_EQ(images->Only()->digest, index.digest());
  EXPECT_EQ(images->GetManifest(image.digest())->bytes, image.manifest);
}

TEST_F(DirectoryImagesTest, FinishTakesTheImageBeforeAway) {
  TestImage old;
  old.layer = "another layer";
  ASSERT_OK_AND_ASSIGN(const auto images, DirectoryImages::OpenOrCreate(path_));
  ASSERT_OK(images->PutBlob({.digest = oci::Digest::Of(old.layer), .size = old.layer.size()},
                            testing::OpenerOf(old.layer)));
  ASSERT_OK(base::WriteFileAtomically(Path("notes.txt"), "mine"));
  ASSERT_OK(PutTestImage(*images, "x"));
  ASSERT_OK(images->Finish());
  EXPECT_FALSE(base::Exists(Path(Hex(old.layer))));
  EXPECT_TRUE(base::Exists(Path("notes.txt")));
  EXPECT_TRUE(base::Exists(Path(Hex(TestImage().layer))));
}

TEST_F(DirectoryImagesTest, DoesNotWriteIntoOtherFolders) {
  ASSERT_OK(base::MakeDirectories(path_));
  ASSERT_OK(base::WriteFileAtomically(Path("notes.txt"), "mine"));
  EXPECT_THAT(DirectoryImages::OpenOrCreate(path_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("notes.txt")));
  ASSERT_OK(base::WriteFileAtomically(Path("oci-layout"), "{}"));
  EXPECT_THAT(DirectoryImages::Open(path_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("oci:")));
}

TEST_F(DirectoryImagesTest, FollowsNoLinks) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, DirectoryImages::OpenOrCreate(path_));
  ASSERT_OK(PutTestImage(*images, "x"));
  const std::string secret = directory_.path() + "/secret";
  ASSERT_OK(base::WriteFileAtomically(secret, image.layer));
  unlink(Path(Hex(image.layer)).c_str());
  ASSERT_EQ(symlink(secret.c_str(), Path(Hex(image.layer)).c_str()), 0);
  EXPECT_THAT(images->HasBlob(oci::Digest::Of(image.layer)), IsOkAndHolds(false));
  EXPECT_THAT(images->OpenBlob(image.LayerDescriptor()), StatusIs(absl::StatusCode::kNotFound));
  unlink(Path("manifest.json").c_str());
  ASSERT_EQ(symlink(secret.c_str(), Path("manifest.json").c_str()), 0);
  EXPECT_THAT(DirectoryImages::Open(path_), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DirectoryImagesTest, DamageShows) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto images, DirectoryImages::OpenOrCreate(path_));
  ASSERT_OK(PutTestImage(*images, "x"));
  ASSERT_OK(base::WriteFileAtomically(Path(Hex(image.layer)), "short"));
  ASSERT_OK_AND_ASSIGN(const auto source, images->OpenBlob(image.LayerDescriptor()));
  EXPECT_THAT(base::ReadAll(*source, 1 << 20), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK(base::WriteFileAtomically(Path("manifest.json"), "[]"));
  EXPECT_THAT(images->GetManifest("x"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(base::WriteFileAtomically(Path("manifest.json"), std::string((4 << 20) + 1, ' ')));
  EXPECT_THAT(images->GetManifest("x"), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::transfer
