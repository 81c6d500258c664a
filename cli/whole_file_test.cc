#include "cli/whole_file.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(WholeFileTest, ReplacesOnlyWhenTold) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/file";
  ASSERT_OK(WriteWholeFile(path, "one", 0600, /*replace=*/false));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(WriteWholeFile(path, "two", 0600, /*replace=*/false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("give --force")));
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds("one"));
  ASSERT_OK(WriteWholeFile(path, "two", 0644, /*replace=*/true));
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds("two"));
  EXPECT_FALSE(WriteWholeFile(directory.path() + "/none/file", "x", 0644, false).ok());
}

}  // namespace
}  // namespace stevedore::cli
