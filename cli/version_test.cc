#include "cli/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::cli {
namespace {

TEST(VersionTest, IsOneLineThatNamesThePlatform) {
  EXPECT_THAT(VersionLine(), ::testing::StartsWith("stevedore-cli 0."));
  EXPECT_THAT(VersionLine(), ::testing::HasSubstr("linux/"));
  EXPECT_THAT(VersionLine(), ::testing::Not(::testing::HasSubstr("\n")));
}

}  // namespace
}  // namespace stevedore::cli
