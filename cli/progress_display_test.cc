#include "cli/progress_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "cli/terminal_display.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ProgressDisplayTest, StylesHaveNames) {
  EXPECT_THAT(ParseProgressStyle("json"), IsOkAndHolds(ProgressStyle::kJson));
  EXPECT_THAT(ParseProgressStyle("fancy"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("auto, tty, plain")));
}

TEST(ProgressDisplayTest, AutoDrawsOnlyForPeople) {
  testing::StringConsole screen(/*interactive=*/true);
  testing::StringConsole file(/*interactive=*/false);
  const base::Clock* clock = &base::Clock::System();
  const auto drawn = CreateProgressDisplay(ProgressStyle::kAuto, &screen, clock);
  const auto printed = CreateProgressDisplay(ProgressStyle::kAuto, &file, clock);
  EXPECT_NE(dynamic_cast<TerminalDisplay*>(drawn.get()), nullptr);
  EXPECT_EQ(dynamic_cast<TerminalDisplay*>(printed.get()), nullptr);
}

}  // namespace
}  // namespace stevedore::cli
