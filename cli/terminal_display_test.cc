#include "cli/terminal_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

BuildView Build(const base::Clock& clock, int running) {
  BuildView build;
  build.state = BuildView::State::kRunning;
  build.start = clock.Now();
  for (int i = 0; i < running; ++i) {
    TaskView task;
    task.image = "image" + std::to_string(i) + ":1";
    task.state = TaskView::State::kRunning;
    task.phase = "layers";
    task.start = clock.Now();
    build.tasks.push_back(task);
  }
  build.task_count = running;
  return build;
}

// What the screen shows below what has scrolled: the text after the last erasure.
std::string LastFrame(const std::string& output) {
  const size_t erase = output.rfind("\x1b[J");
  return erase == std::string::npos ? output : output.substr(erase + 3);
}

TEST(TerminalDisplayTest, EachRunningImageHasALine) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TerminalDisplay display(&console, &clock);
  BuildView build = Build(clock, 2);
  build.tasks[0].done_bytes = 512;
  build.tasks[0].total_bytes = 1024;
  build.tasks[0].estimate = absl::Seconds(8);
  display.Update(build, {0, 1});
  clock.Advance(absl::Seconds(3));
  display.Redraw();
  const std::string frame = LastFrame(console.TakeErr());
  EXPECT_THAT(frame,
              HasSubstr("image0:1  layers     3.0s of ~8.0s   [#####.....] 512 B / 1.00 KiB"));
  EXPECT_THAT(frame, HasSubstr("image1:1"));
  EXPECT_THAT(frame, EndsWith("running 0/2, 2 running  3.0s\n"));
}

TEST(TerminalDisplayTest, WhatHasEndedScrollsAboveOnce) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TerminalDisplay display(&console, &clock);
  BuildView build = Build(clock, 2);
  display.Update(build, {0, 1});
  build.tasks[0].state = TaskView::State::kSucceeded;
  display.Update(build, {0});
  EXPECT_THAT(console.TakeErr(), HasSubstr("built image0:1\n"));
  display.Update(build, {0});
  display.Redraw();
  EXPECT_THAT(console.TakeErr(), Not(HasSubstr("built image0:1")));
}

TEST(TerminalDisplayTest, MoreImagesThanRowsAreCounted) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true, 80, 8);
  TerminalDisplay display(&console, &clock);
  display.Update(Build(clock, 40), {});
  display.Redraw();
  EXPECT_THAT(LastFrame(console.TakeErr()), HasSubstr("and 36 more\n"));
}

TEST(TerminalDisplayTest, ANarrowerTerminalIsErasedWhole) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true, 100, 24);
  TerminalDisplay display(&console, &clock);
  BuildView build = Build(clock, 1);
  build.tasks[0].worker = std::string(90, 'w');
  display.Update(build, {0});
  display.Redraw();
  console.TakeErr();
  // 99 columns of the first line now take five rows of 20, the counts take two.
  console.Resize(20);
  display.Redraw();
  const std::string frame = console.TakeErr();
  EXPECT_THAT(frame, HasSubstr("\x1b[7A\r\x1b[J"));
  EXPECT_LE(DisplayWidth(frame.substr(frame.rfind("\x1b[J") + 3, frame.find('\n'))), 80);
}

TEST(TerminalDisplayTest, TheEndLeavesOnlyTheTable) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TerminalDisplay display(&console, &clock);
  BuildView build = Build(clock, 1);
  display.Update(build, {0});
  display.Redraw();
  build.tasks[0].state = TaskView::State::kSucceeded;
  build.state = BuildView::State::kSucceeded;
  build.succeeded = 1;
  display.Update(build, {0});
  display.Finish(build);
  EXPECT_THAT(console.TakeOut(), HasSubstr("build succeeded: 1 built"));
  EXPECT_THAT(console.TakeErr(), EndsWith("\x1b[J"));
}

}  // namespace
}  // namespace stevedore::cli
