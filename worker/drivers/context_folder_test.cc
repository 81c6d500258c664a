#include "worker/drivers/context_folder.h"

#include <sys/stat.h>

#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using context::MemoryTree;
using context::TreeEntry;
using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;

TEST(ContextFolderTest, FilesModesLinksAndEmptyFolders) {
  const auto tree =
      *MemoryTree::Create({{.path = "a/run", .content = "#!", .mode = 0755},
                           {.path = "a/link", .content = "run", .type = TreeEntry::Type::kSymlink},
                           {.path = "empty", .content = "", .type = TreeEntry::Type::kDirectory},
                           {.path = "big", .content = std::string(1 << 20, 'x')}});
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
  ASSERT_OK(WriteContextFolder(*tree, folder.path(), {}));
  EXPECT_THAT(base::ReadFile(folder.path() + "/a/link"), IsOkAndHolds("#!"));
  EXPECT_THAT(base::ReadFile(folder.path() + "/big"), IsOkAndHolds(std::string(1 << 20, 'x')));
  struct stat info = {};
  ASSERT_EQ(lstat((folder.path() + "/a/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
  ASSERT_EQ(lstat((folder.path() + "/a/link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(lstat((folder.path() + "/empty").c_str(), &info), 0);
  EXPECT_TRUE(S_ISDIR(info.st_mode));
}

TEST(ContextFolderTest, ErrorsNameTheFile) {
  const auto tree = *MemoryTree::Create({{.path = "a", .content = "x"}});
  EXPECT_FALSE(WriteContextFolder(*tree, "/nonexistent/folder", {}).ok());
  std::stop_source stop;
  stop.request_stop();
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
  EXPECT_THAT(WriteContextFolder(*tree, folder.path(), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::worker
