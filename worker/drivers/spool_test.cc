#include "worker/drivers/spool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

TEST(SpoolTest, LeavesNoName) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string text(700'000, 'x');
  base::StringSource source(text);
  ASSERT_OK_AND_ASSIGN(const auto file, SpoolToFile(source, directory.path() + "/new"));
  EXPECT_THAT(file->Size(), base::testing::IsOkAndHolds(text.size()));
  std::string end(5, '\0');
  ASSERT_OK(file->ReadAt(text.size() - 5, end.data(), 5));
  EXPECT_EQ(end, "xxxxx");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/new"));
}

TEST(SpoolTest, WorksWithoutAFolder) {
  base::StringSource source("abc");
  ASSERT_OK_AND_ASSIGN(const auto file, SpoolToFile(source, ""));
  EXPECT_THAT(file->Size(), base::testing::IsOkAndHolds(3u));
}

}  // namespace
}  // namespace stevedore::worker
