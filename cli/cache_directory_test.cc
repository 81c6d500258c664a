#include "cli/cache_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;

TEST(CacheDirectoryTest, FollowsTheEnvironment) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  ::setenv("XDG_CACHE_HOME", directory.path().c_str(), 1);
  EXPECT_THAT(CacheDirectory(), IsOkAndHolds(directory.path() + "/stevedore"));
  EXPECT_TRUE(base::Exists(directory.path() + "/stevedore"));
  ::unsetenv("XDG_CACHE_HOME");
  ::setenv("HOME", directory.path().c_str(), 1);
  EXPECT_THAT(CacheDirectory(), IsOkAndHolds(directory.path() + "/.cache/stevedore"));
  ::unsetenv("HOME");
  EXPECT_THAT(CacheDirectory(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(CacheDirectoryTest, PlacesDoNotShareResults) {
  EXPECT_NE(ResultsFile("/c", "/a"), ResultsFile("/c", "/b"));
  EXPECT_EQ(ResultsFile("/c", "/a"), ResultsFile("/c", "/a"));
}

}  // namespace
}  // namespace stevedore::cli
