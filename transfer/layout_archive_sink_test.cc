#include "transfer/layout_archive_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "transfer/archive_file.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

class LayoutArchiveSinkTest : public ::testing::Test {
 protected:
  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const std::string path_ = directory_.path() + "/i.tar";
  const std::string scratch_ = directory_.path() + "/scratch";
};

TEST_F(LayoutArchiveSinkTest, WritesTheKnownArchive) {
  {
    ASSERT_OK_AND_ASSIGN(const auto sink, LayoutArchiveSink::Create(path_, scratch_));
    ASSERT_OK(PutTestImage(*sink, "v1"));
    EXPECT_FALSE(base::Exists(path_));
    ASSERT_OK(sink->Finish());
  }
  ASSERT_OK_AND_ASSIGN(const std::string bytes, base::ReadFile(path_));
  EXPECT_EQ(bytes.size(), 8704);
  EXPECT_EQ(oci::Digest::Of(bytes).hex(),
            "a38725a4b5e1be331b89d899c86131dd3f463a0fbef31b0fe8c34da2f1d790d9");
  ASSERT_OK_AND_ASSIGN(const auto archive, ArchiveFile::Open(path_, ""));
  EXPECT_EQ(oci::Digest::Of(*archive->Read("index.json", 1 << 20)).hex(),
            "4aec3df6ca459404537f7942faba018b7357b10456c00da6544d3f41817df4e0");
  EXPECT_TRUE(std::filesystem::is_empty(scratch_));
}

TEST_F(LayoutArchiveSinkTest, NothingAppearsWithoutFinish) {
  {
    ASSERT_OK_AND_ASSIGN(const auto sink, LayoutArchiveSink::Create(path_, scratch_));
    EXPECT_THAT(sink->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
    ASSERT_OK(PutTestImage(*sink, "v1"));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THAT(sink->Finish(stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
  }
  EXPECT_FALSE(base::Exists(path_));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_));
}

TEST_F(LayoutArchiveSinkTest, SaysAtOnceWhereItCannotBe) {
  EXPECT_THAT(LayoutArchiveSink::Create(directory_.path(), scratch_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LayoutArchiveSinkTest, ABlobThatIsMissingShowsAtTheEnd) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto sink, LayoutArchiveSink::Create(path_, scratch_));
  ASSERT_OK(sink->PutManifest("v1", image.manifest, oci::kOciManifest));
  EXPECT_THAT(sink->Finish(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("missing")));
  EXPECT_FALSE(base::Exists(path_));
}

}  // namespace
}  // namespace stevedore::transfer
