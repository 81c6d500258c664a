#include "cli/build_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace stevedore::cli {
namespace {

BuildView OneTask() {
  BuildView build;
  build.id = "b1";
  build.targets = {"web"};
  build.task_count = 1;
  build.succeeded = 1;
  build.tasks.resize(1);
  build.tasks[0].image = "web:1.0";
  build.tasks[0].platform = "linux/amd64";
  build.tasks[0].state = TaskView::State::kSucceeded;
  build.tasks[0].digest = "sha256:ab";
  build.tasks[0].log_tail = "bad \xff byte";
  return build;
}

TEST(BuildJsonTest, LinesCarryTheirType) {
  const BuildView build = OneTask();
  const auto task = nlohmann::json::parse(TaskJson(build, build.tasks[0]));
  EXPECT_EQ(task["type"], "task");
  EXPECT_EQ(task["state"], "built");
  EXPECT_EQ(task["build"], "b1");
  EXPECT_FALSE(task.contains("start_time"));
  const auto whole = nlohmann::json::parse(BuildJson(build));
  EXPECT_EQ(whole["type"], "build");
  EXPECT_EQ(whole["built"], 1);
  EXPECT_EQ(nlohmann::json::parse(NoteJson("hello"))["text"], "hello");
}

TEST(BuildJsonTest, MetadataHoldsEverything) {
  const auto json = nlohmann::json::parse(MetadataJson(OneTask()));
  EXPECT_EQ(json["tasks"][0]["digest"], "sha256:ab");
  EXPECT_EQ(json["task_count"], 1);
}

}  // namespace
}  // namespace stevedore::cli
