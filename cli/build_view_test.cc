#include "cli/build_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::TaskStatus Task(const std::string& image, v1::TaskState state) {
  v1::TaskStatus task;
  task.set_image_id(image);
  task.set_platform("linux/amd64");
  task.set_state(state);
  return task;
}

TEST(BuildTrackerTest, ReportsWhatChanged) {
  BuildTracker tracker;
  v1::WatchBuildResponse first;
  first.mutable_build()->set_build_id("b1");
  first.mutable_build()->set_state(v1::BUILD_STATE_RUNNING);
  *first.add_tasks() = Task("base:1", v1::TASK_STATE_RUNNING);
  *first.add_tasks() = Task("web:1", v1::TASK_STATE_WAITING);
  first.mutable_tasks(1)->set_reference("r/web:1");
  EXPECT_THAT(tracker.Apply(first), ElementsAre(0, 1));

  v1::WatchBuildResponse second;
  *second.add_tasks() = Task("web:1", v1::TASK_STATE_RUNNING);
  second.mutable_tasks(0)->set_reference("r/web:1");
  EXPECT_THAT(tracker.Apply(second), ElementsAre(1));
  EXPECT_EQ(tracker.view().id, "b1");
  EXPECT_EQ(tracker.view().tasks[1].state, TaskView::State::kRunning);

  // Bytes alone are no news for a display that prints one line per change.
  v1::WatchBuildResponse third;
  *third.add_tasks() = Task("web:1", v1::TASK_STATE_RUNNING);
  third.mutable_tasks(0)->set_done_bytes(7);
  third.mutable_tasks(0)->set_reference("r/web:1");
  EXPECT_THAT(tracker.Apply(third), IsEmpty());
  EXPECT_EQ(tracker.view().tasks[1].done_bytes, 7);
}

TEST(BuildTrackerTest, ExpectedOrderIsKept) {
  BuildTracker tracker;
  tracker.Expect("base:1", "linux/amd64");
  tracker.Expect("web:1", "linux/amd64");
  v1::WatchBuildResponse response;
  *response.add_tasks() = Task("web:1", v1::TASK_STATE_RUNNING);
  EXPECT_THAT(tracker.Apply(response), ElementsAre(1));
  EXPECT_EQ(tracker.view().tasks[0].image, "base:1");
}

TEST(BuildViewTest, ExitCodeSeparatesRecipesFromInfrastructure) {
  BuildView build;
  build.state = BuildView::State::kSucceeded;
  EXPECT_EQ(ExitCodeOf(build), ExitCode::kOk);
  build.state = BuildView::State::kCancelled;
  EXPECT_EQ(ExitCodeOf(build), ExitCode::kCancelled);
  build.state = BuildView::State::kFailed;
  build.tasks.resize(2);
  build.tasks[0].state = TaskView::State::kFailed;
  build.tasks[0].infrastructure = true;
  EXPECT_EQ(ExitCodeOf(build), ExitCode::kInfrastructure);
  build.tasks[1].state = TaskView::State::kFailed;
  EXPECT_EQ(ExitCodeOf(build), ExitCode::kFailed);
}

TEST(BuildViewTest, PlatformIsShownOnlyWhereItTellsSomething) {
  BuildView build;
  build.tasks.resize(2);
  for (TaskView& task : build.tasks) {
    task.image = "web:1";
    task.platform = "linux/amd64";
  }
  EXPECT_EQ(TaskLabel(build, build.tasks[0]), "web:1");
  build.tasks[1].platform = "linux/arm64";
  build.several_platforms = true;
  EXPECT_EQ(TaskLabel(build, build.tasks[1]), "web:1 (linux/arm64)");
}

}  // namespace
}  // namespace stevedore::cli
