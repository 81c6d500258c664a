#include "transfer/docker_archive_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/archive_file.h"
#include "transfer/docker_archive_images.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

class DockerArchiveSinkTest : public ::testing::Test {
 protected:
  std::unique_ptr<DockerArchiveImages> Read() {
    auto archive = ArchiveFile::Open(path_, "");
    if (!archive.ok()) return nullptr;
    return DockerArchiveImages::Open(*std::move(archive), "again").value();
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const std::string path_ = directory_.path() + "/i.tar";
};

TEST_F(DockerArchiveSinkTest, WritesTheKnownArchive) {
  ASSERT_OK_AND_ASSIGN(const auto sink, DockerArchiveSink::ForFile(path_, "lib/app", ""));
  ASSERT_OK(PutTestImage(*sink, "lib/app:v1"));
  EXPECT_FALSE(base::Exists(path_));
  ASSERT_OK(sink->Finish());
  EXPECT_EQ(oci::Digest::Of(*base::ReadFile(path_)).hex(),
            "affbe7ead7d5616c73a4ff71fb79e3cee53c6d3ef2dd7120a268b77381e512ad");
}

TEST_F(DockerArchiveSinkTest, NamesAreReferencesOrTagsOfTheRepository) {
  TestImage other;
  other.config.replace(other.config.find("amd64"), 5, "arm64");
  ASSERT_OK_AND_ASSIGN(const auto sink, DockerArchiveSink::ForFile(path_, "shop/web", ""));
  ASSERT_OK(PutTestImage(*sink, "1.0"));
  ASSERT_OK(PutTestImage(*sink, "localhost:5000/other:2"));
  ASSERT_OK(PutTestImage(*sink, TestImage().digest()));
  ASSERT_OK(sink->Finish());
  const auto images = Read();
  ASSERT_NE(images, nullptr);
  EXPECT_THAT(images->ListTags(),
              IsOkAndHolds(ElementsAre("shop/web:1.0", "localhost:5000/other:2")));
  EXPECT_EQ(images->GetManifest("")->bytes, TestImage().manifest);
}

TEST_F(DockerArchiveSinkTest, AnImageNeedsNoName) {
  ASSERT_OK_AND_ASSIGN(const auto sink, DockerArchiveSink::ForFile(path_, "", ""));
  ASSERT_OK(PutTestImage(*sink, TestImage().digest()));
  ASSERT_OK(sink->Finish());
  EXPECT_THAT(Read()->ListTags(), IsOkAndHolds(ElementsAre()));
  EXPECT_EQ(Read()->At(0)->digest.ToString(), TestImage().digest());
}

TEST_F(DockerArchiveSinkTest, RefusesWhatIsNoImage) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto sink, DockerArchiveSink::ForFile(path_, "", ""));
  ASSERT_OK_AND_ASSIGN(const auto index, oci::Index::Create({}));
  EXPECT_THAT(sink->PutManifest("a:1", index.bytes(), oci::kOciIndex),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--platform")));
  ASSERT_OK(sink->PutBlob({.digest = oci::Digest::Of("{}"), .size = 2}, testing::OpenerOf("{}")));
  const std::string artifact = absl::StrCat(
      R"({"schemaVersion":2,"config":{"mediaType":")", oci::kOciEmpty, R"(","digest":")",
      oci::Digest::Of("{}").ToString(), R"(","size":2},"layers":[]})");
  EXPECT_THAT(sink->PutManifest("a:1", artifact, oci::kOciManifest),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("artifact")));
  EXPECT_THAT(sink->PutManifest("a:1", image.manifest, oci::kOciManifest),
              StatusIs(absl::StatusCode::kNotFound));  // Its config is not there.
  EXPECT_THAT(sink->PutManifest("Bad Name", image.manifest, oci::kOciManifest),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(sink->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(base::Exists(path_));
}

TEST_F(DockerArchiveSinkTest, EnginesGetTheWholeArchive) {
  std::string taken;
  ASSERT_OK_AND_ASSIGN(const auto sink, DockerArchiveSink::ForEngine(
                                            [&taken](base::ByteSource& archive, std::stop_token) {
                                              auto read = base::ReadAll(archive, 1 << 20);
                                              if (read.ok()) taken = *read;
                                              return read.status();
                                            },
                                            "docker-daemon:lib/app", "lib/app", ""));
  ASSERT_OK(PutTestImage(*sink, "v1"));
  EXPECT_EQ(taken, "");
  ASSERT_OK(sink->Finish());
  EXPECT_EQ(taken.size(), 6144);
  EXPECT_EQ(sink->Describe(), "docker-daemon:lib/app");
}

}  // namespace
}  // namespace stevedore::transfer
