#include "cli/plan_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::PlanBuildResponse Sample() {
  v1::PlanBuildResponse plan;
  auto* base = plan.add_tasks();
  base->set_image_id("base:1");
  base->set_platform("linux/amd64");
  base->set_action(v1::PlanBuildResponse::Task::ACTION_BUILD);
  base->add_causes("context rootfs");
  base->mutable_estimate()->set_seconds(3);
  auto* web = plan.add_tasks();
  web->set_image_id("web:1");
  web->set_platform("linux/amd64");
  web->set_action(v1::PlanBuildResponse::Task::ACTION_BUILD_IF_PARENT_CHANGES);
  web->add_parents("base:1");
  web->mutable_estimate()->set_seconds(2);
  web->set_estimate_is_guess(true);
  plan.mutable_makespan()->set_seconds(5);
  plan.mutable_work()->set_seconds(11);
  plan.set_average_parallelism(2.2);
  plan.set_useful_workers(1);
  plan.set_guessed_count(1);
  return plan;
}

TEST(PlanPrinterTest, TableSaysWhatAndWhy) {
  const std::string table = PlanTable(Sample(), {.slots = 1});
  EXPECT_THAT(table, HasSubstr("base:1  build                    context rootfs  3.0s"));
  EXPECT_THAT(table, HasSubstr("web:1   build if parent changes                  ~2.0s"));
  EXPECT_THAT(table, HasSubstr("1 to build, 1 depending on a parent, 0 to reuse\n"));
  EXPECT_THAT(table, HasSubstr("estimated 5.0s at best for 11s of work (with 1 at once 11s or more)"
                               "; average parallelism 2.2; more than 1 worker cannot help\n"));
  EXPECT_THAT(table, HasSubstr("1 of 2 estimates are guesses"));
}

TEST(PlanPrinterTest, SkippedImagesAreShownWithTheirReason) {
  PlanSurroundings surroundings;
  surroundings.changed_since = "HEAD~1";
  surroundings.unchanged = {"a:1", "b:1"};
  surroundings.without_builder = {"alpine:3"};
  std::string table = PlanTable(Sample(), surroundings);
  EXPECT_THAT(table, HasSubstr("a:1       skip                     unchanged since HEAD~1"));
  EXPECT_THAT(table, HasSubstr("alpine:3  skip                     no builder: made elsewhere"));
  EXPECT_THAT(table, HasSubstr(", 3 skipped\n"));
  // Many are only counted.
  surroundings.unchanged.assign(1000, "a:1");
  table = PlanTable(Sample(), surroundings);
  EXPECT_THAT(table, Not(HasSubstr("unchanged")));
  EXPECT_THAT(table, HasSubstr(", 1001 skipped\n"));
  EXPECT_EQ(nlohmann::json::parse(PlanJson(Sample(), surroundings))["skipped"].size(), 1001);
}

TEST(PlanPrinterTest, WithoutEstimatesImagesAreCounted) {
  v1::PlanBuildResponse plan = Sample();
  plan.clear_makespan();
  plan.clear_work();
  EXPECT_THAT(PlanTable(plan, {}), HasSubstr("no estimates: nothing was built before; by the "
                                             "number of images, average parallelism 2.2"));
  EXPECT_FALSE(nlohmann::json::parse(PlanJson(plan, {})).contains("makespan_seconds"));
}

TEST(PlanPrinterTest, NothingToBuildHasNoTimes) {
  EXPECT_EQ(PlanTable(v1::PlanBuildResponse(), {}),
            "0 to build, 0 depending on a parent, 0 to reuse\n");
}

TEST(PlanPrinterTest, JsonHoldsTheSame) {
  PlanSurroundings surroundings;
  surroundings.changed_since = "main";
  surroundings.selected_because["base:1"] = "its definition changed";
  const auto json = nlohmann::json::parse(PlanJson(Sample(), surroundings));
  EXPECT_EQ(json["tasks"][0]["action"], "build");
  EXPECT_EQ(json["tasks"][0]["estimate_seconds"], 3.0);
  EXPECT_EQ(json["tasks"][0]["estimate_is_guess"], false);
  EXPECT_EQ(json["tasks"][0]["selected_because"], "its definition changed");
  EXPECT_EQ(json["tasks"][1]["estimate_is_guess"], true);
  EXPECT_EQ(json["tasks"][1]["parents"][0], "base:1");
  EXPECT_EQ(json["changed_since"], "main");
  EXPECT_EQ(json["makespan_seconds"], 5.0);
  EXPECT_EQ(json["work_seconds"], 11.0);
  EXPECT_EQ(json["useful_workers"], 1);
  EXPECT_EQ(json["guessed_estimates"], 1);
  EXPECT_THAT(PlanYaml(Sample(), surroundings), HasSubstr("useful_workers: 1\n"));
}

}  // namespace
}  // namespace stevedore::cli
