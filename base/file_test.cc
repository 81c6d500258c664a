#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  std::string Path(absl::string_view name) const { return JoinPath(directory_.path(), name); }
  TemporaryDirectory directory_ = *TemporaryDirectory::Create();
};

TEST_F(FileTest, AtomicWriteReplacesAndKeepsNothingElse) {
  ASSERT_OK(WriteFileAtomically(Path("f"), "old"));
  ASSERT_OK(WriteFileAtomically(Path("f"), "new", 0600));
  EXPECT_THAT(ReadFile(Path("f")), IsOkAndHolds("new"));
  struct stat info;
  ASSERT_EQ(stat(Path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  int files = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(directory_.path())) {
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(FileTest, AtomicWriteIntoAMissingDirectoryNamesIt) {
  EXPECT_THAT(WriteFileAtomically(Path("none/f"), "x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none/f")));
}

TEST_F(FileTest, MissingFileIsNotFoundAndNamesThePath) {
  EXPECT_THAT(ReadFile(Path("none")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
}

TEST_F(FileTest, ReadFileRefusesMoreThanItsLimit) {
  ASSERT_OK(WriteFileAtomically(Path("f"), "12345"));
  EXPECT_THAT(ReadFile(Path("f"), 4), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(FileTest, RandomReaderReportsAFileThatIsTooShort) {
  ASSERT_OK(WriteFileAtomically(Path("f"), "12345"));
  ASSERT_OK_AND_ASSIGN(const auto reader, FileReader::Open(Path("f")));
  char buffer[3];
  ASSERT_OK(reader->ReadAt(2, buffer, 3));
  EXPECT_EQ(absl::string_view(buffer, 3), "345");
  EXPECT_THAT(reader->ReadAt(4, buffer, 3), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(reader->Size(), IsOkAndHolds(5u));
}

TEST_F(FileTest, SinkAndSourceRoundTrip) {
  ASSERT_OK_AND_ASSIGN(FileDescriptor file, OpenFile(Path("f"), O_WRONLY | O_CREAT));
  FileSink sink(std::move(file), "f");
  ASSERT_OK(sink.Write("ab"));
  ASSERT_OK(sink.Write("cd"));
  ASSERT_OK(sink.Close());
  ASSERT_OK_AND_ASSIGN(const auto source, FileSource::Open(Path("f")));
  EXPECT_THAT(ReadAll(*source, 100), IsOkAndHolds("abcd"));
}

TEST_F(FileTest, MakeDirectoriesMakesAllAndAcceptsExisting) {
  ASSERT_OK(MakeDirectories(Path("a/b/c")));
  ASSERT_OK(MakeDirectories(Path("a/b/c")));
  EXPECT_TRUE(Exists(Path("a/b/c")));
  ASSERT_OK(WriteFileAtomically(Path("a/file"), ""));
  EXPECT_FALSE(MakeDirectories(Path("a/file/d")).ok());
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_OK(MakeDirectories(Path("keep")));
  ASSERT_OK(WriteFileAtomically(Path("keep/f"), "x"));
  ASSERT_OK(MakeDirectories(Path("gone")));
  ASSERT_EQ(symlink(Path("keep").c_str(), Path("gone/link").c_str()), 0);
  ASSERT_OK(RemoveTree(Path("gone")));
  EXPECT_FALSE(Exists(Path("gone")));
  EXPECT_TRUE(Exists(Path("keep/f")));
}

TEST_F(FileTest, UnlinkedFilesLeaveNothingBehind) {
  ASSERT_OK_AND_ASSIGN(FileDescriptor file, OpenUnlinkedFile(directory_.path()));
  ASSERT_OK(WriteFully(file.get(), "text", "file"));
  char text[4];
  ASSERT_OK(FileReader(std::move(file), "file").ReadAt(0, text, 4));
  EXPECT_EQ(absl::string_view(text, 4), "text");
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_OK(OpenUnlinkedFile());
  EXPECT_THAT(OpenUnlinkedFile(directory_.path() + "/none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(TemporaryDirectoryTest, IsGoneWithItsObject) {
  std::string path;
  {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory directory, TemporaryDirectory::Create());
    path = directory.path();
    ASSERT_OK(WriteFileAtomically(JoinPath(path, "f"), "x"));
  }
  EXPECT_FALSE(Exists(path));
}

TEST(JoinPathTest, JoinsWithOneSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
}

}  // namespace
}  // namespace stevedore::base
