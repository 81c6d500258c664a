#include "transfer/folder_blobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/testing/status_matchers.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::OpenerOf;

class FolderBlobsTest : public ::testing::Test {
 protected:
  const oci::Descriptor hello_ = {.digest = oci::Digest::Of("hello"), .size = 5};
  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const FolderBlobs blobs_{directory_.path(),
                           [](const oci::Digest& digest) { return std::string(digest.hex()); },
                           "dir:x"};
};

TEST_F(FolderBlobsTest, BlobsAppearWhole) {
  ASSERT_OK_AND_ASSIGN(const auto upload, blobs_.StartBlob({}));
  ASSERT_OK(upload->Write("hel"));
  EXPECT_THAT(blobs_.HasBlob(hello_.digest), IsOkAndHolds(false));
  ASSERT_OK(upload->Write("lo"));
  ASSERT_OK(upload->Commit(hello_.digest).status());
  EXPECT_THAT(upload->Commit(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(base::ReadFile(blobs_.PathOf(hello_.digest)), IsOkAndHolds("hello"));
}

TEST_F(FolderBlobsTest, NothingIsLeftOfWhatWasDropped) {
  {
    ASSERT_OK_AND_ASSIGN(const auto upload, blobs_.StartBlob({}));
    ASSERT_OK(upload->Write("half"));
    EXPECT_THAT(upload->Commit(hello_.digest),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("dir:x")));
  }
  EXPECT_THAT(blobs_.PutBlob(hello_, OpenerOf("hallo"), {}), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(FolderBlobsTest, OnlyRegularFilesCount) {
  const std::string path = blobs_.PathOf(hello_.digest);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(blobs_.HasBlob(hello_.digest), IsOkAndHolds(false));
  EXPECT_THAT(OpenRegularFile(path), StatusIs(absl::StatusCode::kNotFound));  // Does not wait.
  unlink(path.c_str());
  ASSERT_EQ(symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_THAT(blobs_.Open(hello_.digest),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("not followed")));
  EXPECT_THAT(OpenRegularFile(directory_.path() + "/none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(OpenRegularFile(directory_.path()), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::transfer
