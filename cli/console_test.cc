#include "cli/console.h"

#include <gtest/gtest.h>

#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

TEST(ConsoleTest, TextIsCutToTheColumnsThereAre) {
  EXPECT_EQ(FitTo("short", 10), "short");
  EXPECT_EQ(FitTo("exactly ten", 11), "exactly ten");
  EXPECT_EQ(FitTo("exactly ten", 10), "exactly t…");
  EXPECT_EQ(FitTo("über-lange", 5), "über…");
  EXPECT_EQ(FitTo("bell\a", 10), "bell?");
  EXPECT_EQ(FitTo("anything", 0), "");
  EXPECT_EQ(FitTo("anything", 1), "…");
}

TEST(ConsoleTest, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(DisplayWidth("über…"), 5);
  EXPECT_EQ(DisplayWidth(""), 0);
}

TEST(ConsoleTest, ErrorsAreLabelledAndIndented) {
  testing::StringConsole console;
  PrintError(console, "first\nsecond\n");
  PrintWarning(console, "careful");
  EXPECT_EQ(console.TakeErr(), "error: first\n  second\nwarning: careful\n");
  EXPECT_EQ(console.TakeOut(), "");
}

}  // namespace
}  // namespace stevedore::cli
