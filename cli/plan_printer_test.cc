#include "cli/plan_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;

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
  plan.mutable_makespan()->set_seconds(5);
  plan.set_average_parallelism(2.2);
  return plan;
}

TEST(PlanPrinterTest, TableSaysWhatAndWhy) {
  const std::string table = PlanTable(Sample());
  EXPECT_THAT(table, HasSubstr("base:1  build                    context rootfs  3.0s"));
  EXPECT_THAT(table, HasSubstr("web:1   build if parent changes"));
  EXPECT_THAT(table, HasSubstr("1 to build, 1 depending on a parent, 0 to reuse; about 5.0s"));
}

TEST(PlanPrinterTest, JsonHoldsTheSame) {
  const auto json = nlohmann::json::parse(PlanJson(Sample()));
  EXPECT_EQ(json["tasks"][0]["action"], "build");
  EXPECT_EQ(json["tasks"][0]["estimate_seconds"], 3.0);
  EXPECT_EQ(json["tasks"][1]["parents"][0], "base:1");
  EXPECT_EQ(json["makespan_seconds"], 5.0);
}

}  // namespace
}  // namespace stevedore::cli
