// What only layouts do; what all places do is in tests/transfer/image_place_contract_test.cc.
#include "transfer/layout_repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LayoutRepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
    auto layout = oci::Layout::OpenOrCreate(directory_->path() + "/images");
    ASSERT_OK(layout);
    layout_.emplace(*std::move(layout));
    web_.emplace(&*layout_, *oci::Reference::Parse("localhost:5000/shop/web"));
  }

  const std::string manifest_ =
      absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","layers":[]})");
  std::optional<base::TemporaryDirectory> directory_;
  std::optional<oci::Layout> layout_;
  std::optional<LayoutRepository> web_;
};

TEST_F(LayoutRepositoryTest, TagsAreFullReferences) {
  ASSERT_OK(web_->PutManifest("1.4", manifest_, oci::kOciManifest));
  EXPECT_THAT(layout_->References(), IsOkAndHolds(ElementsAre("localhost:5000/shop/web:1.4")));
  LayoutRepository job(&*layout_, *oci::Reference::Parse("localhost:5000/shop/job"));
  EXPECT_THAT(job.HeadManifest("1.4"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(job.GetManifest("1.4"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("shop/job")));
}

TEST_F(LayoutRepositoryTest, BlobsAreSharedAndFilesAreTaken) {
  const std::string path = directory_->path() + "/blob";
  ASSERT_OK(base::WriteFileAtomically(path, "bytes"));
  const oci::Descriptor blob{.media_type = "x", .digest = oci::Digest::Of("bytes"), .size = 5};
  EXPECT_THAT(web_->MountBlob(blob.digest, "shop/base"), IsOkAndHolds(false));
  ASSERT_OK(web_->AdoptBlobFile(blob, path));
  EXPECT_FALSE(base::Exists(path));
  LayoutRepository job(&*layout_, *oci::Reference::Parse("localhost:5000/shop/job"));
  EXPECT_THAT(job.MountBlob(blob.digest, "shop/web"), IsOkAndHolds(true));
}

TEST_F(LayoutRepositoryTest, ADamagedBlobIsDataLoss) {
  const oci::Descriptor blob{.media_type = "x", .digest = oci::Digest::Of("bytes"), .size = 5};
  ASSERT_OK(layout_->PutBlob("bytes"));
  for (const std::string damaged : {"bytez", "byte", "bytess"}) {
    ASSERT_OK(base::WriteFileAtomically(layout_->BlobPath(blob.digest), damaged));
    ASSERT_OK_AND_ASSIGN(const auto source, web_->OpenBlob(blob));
    EXPECT_THAT(base::ReadAll(*source, 100),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("damaged")));
  }
}

}  // namespace
}  // namespace stevedore::transfer
