#include "cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TaskView Task(const std::string& image, TaskView::State state) {
  TaskView task;
  task.image = image;
  task.platform = "linux/amd64";
  task.state = state;
  return task;
}

BuildView Mixed() {
  BuildView build;
  build.id = "b1";
  build.state = BuildView::State::kFailed;
  build.task_count = 3;
  build.succeeded = build.failed = build.skipped = 1;
  build.tasks = {Task("base:1", TaskView::State::kSucceeded),
                 Task("web:1", TaskView::State::kFailed),
                 Task("site:1", TaskView::State::kSkipped)};
  build.tasks[0].digest = "sha256:0123456789abcdef";
  build.tasks[0].image_bytes = 2048;
  build.tasks[0].causes = {"new"};
  build.tasks[0].start = absl::FromUnixSeconds(10);
  build.tasks[0].end = absl::FromUnixSeconds(12);
  build.tasks[1].error = "layer 1: `public` is not in the context\nsecond line";
  build.tasks[1].log_tail = "step one\nstep two\n";
  build.tasks[2].skipped_by = "web:1";
  return build;
}

TEST(SummaryTest, TableShowsWhatCameOfEachImage) {
  const std::string table = SummaryTable(Mixed());
  EXPECT_THAT(table, HasSubstr("base:1  built    sha256:0123456789ab  2.00 KiB  2.0s  new\n"));
  EXPECT_THAT(table, HasSubstr("`public` is not in the context\n"));
  EXPECT_THAT(table, HasSubstr("web:1 failed\n"));
}

TEST(SummaryTest, RootCauseIsToldOnceWithWhatItCost) {
  const std::string report = FailureReport(Mixed());
  EXPECT_THAT(report, HasSubstr("web:1 failed: layer 1"));
  EXPECT_THAT(report, HasSubstr("  | step two\n"));
  EXPECT_THAT(report, HasSubstr("skipped because of it: site:1\n"));
  EXPECT_THAT(SummaryLine(Mixed()), HasSubstr("build failed: 1 built, 1 failed, 1 skipped"));
}

TEST(SummaryTest, ManyReusedImagesAreCounted) {
  BuildView build;
  build.state = BuildView::State::kSucceeded;
  build.task_count = 1000;
  build.reused = 999;
  build.succeeded = 1;
  build.tasks.assign(999, Task("same:1", TaskView::State::kReused));
  build.tasks.push_back(Task("other:1", TaskView::State::kSucceeded));
  const std::string table = SummaryTable(build);
  EXPECT_THAT(table, HasSubstr("other:1"));
  EXPECT_THAT(table, Not(HasSubstr("same:1")));
  EXPECT_THAT(table, HasSubstr("and 999 more that were reused"));
}

TEST(SummaryTest, CancellingIsNoFailure) {
  BuildView build;
  build.state = BuildView::State::kCancelled;
  build.cancelled = 1;
  build.error = "cancelled: stopped by the user";
  EXPECT_EQ(FailureReport(build), "");
  EXPECT_THAT(SummaryLine(build), HasSubstr("stopped by the user"));
}

TEST(SummaryTest, TagsThatStayedAreNamed) {
  BuildView build;
  build.state = BuildView::State::kSucceeded;
  build.tags.resize(2);
  build.tags[0].reference = "r/a:1";
  build.tags[0].superseded = true;
  build.tags[1].moved = true;
  EXPECT_THAT(FailureReport(build), HasSubstr("r/a:1 was not moved: a later build"));
  EXPECT_THAT(SummaryLine(build), HasSubstr("1 tag moved"));
}

}  // namespace
}  // namespace stevedore::cli
