#include "transfer/archive_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::OpenBytes;
using testing::TestArchive;

// The gzip of `text`, stored without compression.
std::string StoredGzip(const std::string& text) {
  // CRC32, bit by bit: there is no need to be fast.
  uint32_t crc = 0xffffffff;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  crc = ~crc;
  const auto number = [](uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
    return out;
  };
  return absl::StrCat(std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11), number(text.size(), 2),
                      number(~text.size(), 2), text, number(crc, 4), number(text.size(), 4));
}

TEST(ArchiveFileTest, FindsFilesAndReadsThem) {
  ASSERT_OK_AND_ASSIGN(const auto archive, OpenBytes(TestArchive()
                                                         .Add("./a", "first")
                                                         .Add("d", "", '5')
                                                         .Add("d/b", std::string(5000, 'x'))
                                                         .Add("a", "second")
                                                         .Bytes()));
  EXPECT_THAT(archive->Read("a", 100), IsOkAndHolds("second"));  // The last one counts.
  EXPECT_EQ(archive->Find("d/b")->size, 5000);
  EXPECT_FALSE(archive->Find("d").has_value());
  EXPECT_FALSE(archive->Find("nothing").has_value());
  EXPECT_THAT(archive->Read("nothing", 100),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("test.tar")));
  EXPECT_THAT(archive->Read("d/b", 4999), StatusIs(absl::StatusCode::kResourceExhausted));
  const auto source = archive->OpenFile(*archive->Find("d/b"));
  EXPECT_EQ(base::ReadAll(*source, 6000)->size(), 5000);
}

TEST(ArchiveFileTest, FollowsLinksOnlyIfAsked) {
  ASSERT_OK_AND_ASSIGN(const auto archive,
                       OpenBytes(TestArchive()
                                     .Add("one/layer.tar", "layer")
                                     .AddLink("two/layer.tar", "../one/layer.tar")
                                     .Add("three", "", '1', "one/layer.tar")
                                     .AddLink("loop", "loop")
                                     .AddLink("dangling", "nowhere")
                                     .Bytes()));
  EXPECT_FALSE(archive->Find("two/layer.tar").has_value());
  EXPECT_EQ(archive->FindThroughLinks("two/layer.tar")->offset,
            archive->Find("one/layer.tar")->offset);
  EXPECT_EQ(archive->FindThroughLinks("three")->size, 5);
  EXPECT_FALSE(archive->FindThroughLinks("loop").has_value());
  EXPECT_FALSE(archive->FindThroughLinks("dangling").has_value());
}

TEST(ArchiveFileTest, RefusesNamesThatLeaveTheArchive) {
  for (const TestArchive& hostile :
       {TestArchive().Add("../etc/passwd", "x"), TestArchive().Add("/etc/passwd", "x"),
        TestArchive().Add("a/../../b", "x"), TestArchive().AddLink("a", "../../etc/passwd"),
        TestArchive().AddLink("d", "e").Add("d/x", "x"),
        TestArchive().Add("a", "", '1', "../../etc/passwd")}) {
    EXPECT_THAT(OpenBytes(hostile.Bytes()), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(ArchiveFileTest, RefusesWhatIsCutOff) {
  const std::string whole = TestArchive().Add("a", std::string(2000, 'a')).Bytes();
  for (const size_t size : {100, 511, 600, 1500, 2400}) {
    EXPECT_THAT(OpenBytes(whole.substr(0, size)), StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
  EXPECT_THAT(OpenBytes("no tar at all" + std::string(600, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("test.tar")));
}

TEST(ArchiveFileTest, OpensFilesPlainAndCompressed) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string tar = TestArchive().Add("a", "content").Bytes();
  for (const std::string& bytes : {tar, StoredGzip(tar)}) {
    const std::string path = directory.path() + "/x.tar";
    ASSERT_OK(base::WriteFileAtomically(path, bytes));
    ASSERT_OK_AND_ASSIGN(const auto archive,
                         ArchiveFile::Open(path, directory.path() + "/scratch"));
    EXPECT_THAT(archive->Read("a", 100), IsOkAndHolds("content"));
    EXPECT_EQ(archive->name(), path);
  }
  // Nothing is left of what was unpacked.
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/scratch"));
  EXPECT_THAT(ArchiveFile::Open(directory.path(), ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("folder")));
  EXPECT_THAT(ArchiveFile::Open(directory.path() + "/none", ""),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(ArchiveFileTest, ReadsStreamsAndObeysStop) {
  const std::string tar = TestArchive().Add("a", "content").Bytes();
  ASSERT_OK_AND_ASSIGN(
      const auto archive,
      ArchiveFile::FromStream(std::make_unique<base::StringSource>(tar), "stdin", ""));
  EXPECT_THAT(archive->Read("a", 100), IsOkAndHolds("content"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(ArchiveFile::FromStream(std::make_unique<base::StringSource>(tar), "stdin", "",
                                      stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::transfer
