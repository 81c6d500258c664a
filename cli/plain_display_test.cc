#include "cli/plain_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;

BuildView Running() {
  BuildView build;
  build.id = "b1";
  build.task_count = 1;
  build.tasks.resize(1);
  build.tasks[0].image = "web:1";
  build.tasks[0].reference = "r/web:1";
  build.tasks[0].state = TaskView::State::kRunning;
  build.tasks[0].worker = "w1";
  return build;
}

TEST(PlainDisplayTest, OneLinePerChangeOfState) {
  testing::StringConsole console;
  PlainDisplay display(&console);
  BuildView build = Running();
  display.Update(build, {0});
  EXPECT_EQ(console.TakeErr(), "running web:1 on w1\n");
  build.tasks[0].phase = "push";
  display.Update(build, {0});
  EXPECT_EQ(console.TakeErr(), "");
  build.tasks[0].state = TaskView::State::kSucceeded;
  build.tasks[0].digest = "sha256:ab";
  display.Update(build, {0});
  EXPECT_EQ(console.TakeErr(), "built web:1 sha256:ab\n");
  build.state = BuildView::State::kSucceeded;
  build.succeeded = 1;
  display.Finish(build);
  EXPECT_THAT(console.TakeOut(), HasSubstr("build succeeded: 1 built"));
}

TEST(JsonDisplayTest, EveryLineIsAnObject) {
  testing::StringConsole console;
  JsonDisplay display(&console);
  display.Update(Running(), {0});
  display.Note("hello");
  display.Finish(Running());
  const std::string out = console.TakeOut();
  EXPECT_THAT(out, HasSubstr("{\"type\":\"task\""));
  EXPECT_THAT(out, HasSubstr("{\"type\":\"note\",\"text\":\"hello\"}\n"));
  EXPECT_THAT(out, HasSubstr("{\"type\":\"build\""));
}

TEST(QuietDisplayTest, SaysOnlyWhatWasMade) {
  testing::StringConsole console;
  QuietDisplay display(&console);
  BuildView build = Running();
  display.Update(build, {0});
  build.tasks[0].state = TaskView::State::kReused;
  build.tasks[0].digest = "sha256:ab";
  display.Finish(build);
  EXPECT_EQ(console.TakeOut(), "r/web:1@sha256:ab\n");
  EXPECT_EQ(console.TakeErr(), "");
}

}  // namespace
}  // namespace stevedore::cli
