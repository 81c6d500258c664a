#include "transfer/archive_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

size_t FilesIn(const std::string& folder) {
  return std::distance(std::filesystem::directory_iterator(folder),
                       std::filesystem::directory_iterator());
}

TEST(ArchiveOutputTest, AppearsWhole) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/x.tar";
  ASSERT_OK(WriteArchive(path, [&path](base::ByteSink& out) {
    EXPECT_FALSE(base::Exists(path));
    EXPECT_OK(out.Write("one "));
    return out.Write("two");
  }));
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds("one two"));
  EXPECT_EQ(FilesIn(directory.path()), 1);
}

TEST(ArchiveOutputTest, LeavesWhatWasThereAfterAFailure) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/x.tar";
  ASSERT_OK(base::WriteFileAtomically(path, "old"));
  EXPECT_THAT(WriteArchive(path,
                           [](base::ByteSink& out) {
                             EXPECT_OK(out.Write("half"));
                             return absl::DataLossError("gone");
                           }),
              StatusIs(absl::StatusCode::kDataLoss));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(WriteArchive(
                  path, [](base::ByteSink& out) { return out.Write("x"); }, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds("old"));
  EXPECT_EQ(FilesIn(directory.path()), 1);
}

TEST(ArchiveOutputTest, SaysWhereNoArchiveCanBe) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  EXPECT_OK(CheckArchivePath("-"));
  EXPECT_OK(CheckArchivePath(directory.path() + "/x.tar"));
  EXPECT_THAT(CheckArchivePath(directory.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is a folder")));
  EXPECT_THAT(CheckArchivePath(directory.path() + "/no/x.tar"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("make it first")));
}

TEST(ArchiveOutputTest, WritesToPipes) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::string read;
  std::jthread reader([&] { read = base::ReadFile(path).value_or("?"); });
  ASSERT_OK(WriteArchive(path, [](base::ByteSink& out) { return out.Write("through"); }));
  reader.join();
  EXPECT_EQ(read, "through");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

}  // namespace
}  // namespace stevedore::transfer
