#include "cli/kept_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class KeptLogsTest : public ::testing::Test {
 protected:
  static void Write(LogKeeper& keeper, const std::string& image, const std::string& platform,
                    const std::string& text) {
    worker::RunLog log;
    log.Append(text);
    ASSERT_OK(keeper.Write(image, platform, log));
  }
  absl::StatusOr<std::string> Read(const std::string& build, const std::string& image,
                                   const std::string& platform = "") {
    const absl::StatusOr<std::string> path = FindKeptLog(logs_, build, image, platform);
    if (!path.ok()) return path.status();
    return base::ReadFile(*path);
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const std::string logs_ = KeptLogsDirectory(directory_.path());
};

TEST_F(KeptLogsTest, AreFoundByBuildAndImage) {
  LogKeeper keeper(logs_);
  Write(keeper, "shop/web:1.0", "linux/amd64", "before there was an id\n");
  keeper.SetBuild("b1");
  Write(keeper, "api:2", "linux/amd64", "\x1b[31mred\x1b[0m\n");
  Write(keeper, "api:2", "linux/amd64", "the second attempt");
  Write(keeper, "silent:1", "linux/amd64", "");
  EXPECT_THAT(Read("b1", "shop/web:1.0"), IsOkAndHolds("before there was an id\n"));
  EXPECT_THAT(Read("b1", "api:2", "linux/amd64"), IsOkAndHolds("the second attempt"));
  EXPECT_THAT(Read("b1", "silent:1"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("shop/web:1.0@linux/amd64"), HasSubstr("`silent:1`"))));
  EXPECT_THAT(Read("b2", "api:2"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("`b2`")));
  EXPECT_THAT(Read("../..", "x"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(KeptLogsTest, SeveralPlatformsNeedAName) {
  LogKeeper keeper(logs_);
  keeper.SetBuild("b1");
  Write(keeper, "web:1", "linux/amd64", "amd");
  Write(keeper, "web:1", "linux/arm64", "arm");
  EXPECT_THAT(Read("b1", "web:1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--platform")));
  EXPECT_THAT(Read("b1", "web:1", "linux/arm64"), IsOkAndHolds("arm"));
}

TEST_F(KeptLogsTest, TheLatestBuildsStay) {
  for (int i = 0; i < 30; ++i) {
    LogKeeper keeper(logs_);
    keeper.SetBuild(absl::StrCat("b", i));
    Write(keeper, "web:1", "linux/amd64", "x");
    const std::string folder = absl::StrCat(logs_, "/b", i);
    std::filesystem::last_write_time(
        folder, std::filesystem::file_time_type::clock::now() - std::chrono::hours(100 - i));
  }
  const std::filesystem::directory_iterator left(logs_);
  EXPECT_EQ(std::distance(begin(left), end(left)), static_cast<ptrdiff_t>(LogKeeper::kBuilds));
  EXPECT_OK(Read("b29", "web:1"));
  EXPECT_OK(Read("b10", "web:1"));
  EXPECT_THAT(Read("b9", "web:1"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(KeptLogsTest, WhatTheLogDroppedIsSaid) {
  worker::RunLog log(/*limit_bytes=*/1 << 20, /*keep_bytes=*/128 << 10);
  for (int i = 0; i < 400; ++i) log.Append(std::string(10'000, 'x'));
  LogKeeper keeper(logs_);
  keeper.SetBuild("b1");
  ASSERT_OK(keeper.Write("web:1", "linux/amd64", log));
  ASSERT_OK_AND_ASSIGN(const std::string text, Read("b1", "web:1"));
  EXPECT_THAT(text, HasSubstr("bytes that were here are not kept)\n"));
  EXPECT_LT(text.size(), 512 << 10);
}

}  // namespace
}  // namespace stevedore::cli
