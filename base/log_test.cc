#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::base {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Capture(LogLevel level) {
  ::testing::internal::CaptureStderr();
  Log(level, "lease expired", {{"run", 7}, {"worker", "a b"}, {"text", "q\"\n"}});
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, TextLinesCarryQuotedFields) {
  EXPECT_THAT(Capture(LogLevel::kWarning),
              HasSubstr("Z WARNING lease expired run=7 worker=\"a b\" text=\"q\\\"\\n\"\n"));
}

TEST(LogTest, JsonLines) {
  SetLogJson(true);
  const std::string line = Capture(LogLevel::kError);
  SetLogJson(false);
  EXPECT_THAT(line, HasSubstr("\"level\":\"error\",\"message\":\"lease expired\",\"run\":\"7\","
                              "\"worker\":\"a b\",\"text\":\"q\\\"\\n\"}\n"));
}

TEST(LogTest, BelowTheThresholdNothingIsWritten) {
  SetLogThreshold(LogLevel::kError);
  EXPECT_THAT(Capture(LogLevel::kWarning), IsEmpty());
  SetLogThreshold(LogLevel::kInfo);
}

TEST(LogTest, LevelsHaveNames) {
  LogLevel level;
  EXPECT_TRUE(ParseLogLevel("warning", &level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

}  // namespace
}  // namespace stevedore::base
