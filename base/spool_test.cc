#include "base/spool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

TEST(SpoolTest, LeavesNoName) {
  ASSERT_OK_AND_ASSIGN(const TemporaryDirectory directory, TemporaryDirectory::Create());
  const std::string text(700'000, 'x');
  StringSource source(text);
  ASSERT_OK_AND_ASSIGN(const auto file, SpoolToFile(source, directory.path() + "/new"));
  EXPECT_THAT(file->Size(), testing::IsOkAndHolds(text.size()));
  std::string end(5, '\0');
  ASSERT_OK(file->ReadAt(text.size() - 5, end.data(), 5));
  EXPECT_EQ(end, "xxxxx");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/new"));
}

TEST(SpoolTest, WorksWithoutAFolder) {
  StringSource source("abc");
  ASSERT_OK_AND_ASSIGN(const auto file, SpoolToFile(source, ""));
  EXPECT_THAT(file->Size(), testing::IsOkAndHolds(3u));
}

}  // namespace
}  // namespace stevedore::base
