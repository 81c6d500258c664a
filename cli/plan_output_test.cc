#include "cli/plan_output.h"

#include <nlohmann/json.hpp>

#include "base/testing/status_matchers.h"
#include "cli/testing/string_console.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using Format = PlanOutput::Format;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

SelectionWithParents Sample() {
  SelectionWithParents selected;
  graph::ResolvedImage web;
  web.id = "web:1";
  web.definition_name = "web";
  web.definition_version = "1";
  web.reference = "r.example.com/shop/web:1";
  web.tags = {"r.example.com/shop/web:stable"};
  web.platforms = {"linux/amd64"};
  web.parents = {"base:1"};
  web.driver = "docker";
  web.builder = "common";
  web.options_json = R"({"dockerfile":"D"})";
  web.arguments = {{"A", "1"}};
  web.labels = {{"team", "shop"}};
  web.contexts.push_back({.path = "services/web"});
  graph::ContextSpec git;
  git.git = graph::GitContext{.repository = "https://example.com/x.git",
                              .credentials_id = "example.com",
                              .username = "me",
                              .password = "hunter2",
                              .private_key_password = "hunter3"};
  web.contexts.push_back(git);
  selected.selection.images.push_back(web);
  selected.parents.push_back({"base:1", "r.example.com/shop/base:1", {}});
  return selected;
}

v1::PlanBuildResponse Plan() {
  v1::PlanBuildResponse plan;
  auto* task = plan.add_tasks();
  task->set_image_id("web:1");
  task->set_platform("linux/amd64");
  task->set_action(v1::PlanBuildResponse::Task::ACTION_BUILD);
  task->add_causes("new");
  plan.set_average_parallelism(1);
  plan.set_useful_workers(1);
  return plan;
}

absl::StatusOr<std::string> Ids(const std::string& reference) {
  return reference == "r.example.com/shop/web:1" ? "r.example.com" : "";
}

std::string Print(PlanOutput output) {
  testing::StringConsole console;
  EXPECT_OK(PrintPlan(console, output, Sample(), Plan(), {}, /*pushes=*/true, Ids));
  return console.TakeOut();
}

TEST(PlanOutputTest, FlagsAreFormatsOrAPlace) {
  ASSERT_OK_AND_ASSIGN(OutputFlags flags, ReadOutputFlags({}, ""));
  EXPECT_FALSE(flags.has_format);
  ASSERT_OK_AND_ASSIGN(flags, ReadOutputFlags({"oci:out", "yaml"}, ""));
  EXPECT_EQ(flags.place, "oci:out");
  EXPECT_EQ(flags.plan.format, Format::kYaml);
  ASSERT_OK_AND_ASSIGN(flags, ReadOutputFlags({"oci:out"}, "mermaid"));
  EXPECT_EQ(flags.plan.format, Format::kMermaid);
  EXPECT_THAT(ReadOutputFlags({"xml"}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("table, json, yaml")));
  EXPECT_THAT(ReadOutputFlags({}, "svg"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dot or mermaid")));
  EXPECT_THAT(ReadOutputFlags({"json"}, "dot"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("exclude")));
}

TEST(PlanOutputTest, DryRunNamesEverythingButSecrets) {
  const std::string text = Print({.format = Format::kJson, .detailed = true});
  EXPECT_THAT(text, Not(HasSubstr("hunter")));
  const auto image = nlohmann::json::parse(text)["images"][0];
  EXPECT_EQ(image["reference"], "r.example.com/shop/web:1");
  EXPECT_EQ(image["builder"], "common");
  EXPECT_EQ(image["driver"], "docker");
  EXPECT_EQ(image["options"]["dockerfile"], "D");
  EXPECT_EQ(image["contexts"][0]["path"], "services/web");
  EXPECT_EQ(image["contexts"][1]["git"]["credentials_id"], "example.com");
  EXPECT_EQ(image["arguments"]["A"], "1");
  EXPECT_EQ(image["labels"]["team"], "shop");
  EXPECT_EQ(image["tags"][0], "r.example.com/shop/web:stable");
  EXPECT_EQ(image["parents"][0]["reference"], "r.example.com/shop/base:1");
  EXPECT_EQ(image["parents"][0]["built_along"], false);
  EXPECT_EQ(image["push"], true);
  EXPECT_EQ(image["push_credentials"], "r.example.com");
  EXPECT_TRUE(image["pull_credentials"]["base:1"].is_null());
  EXPECT_EQ(image["plan"][0]["action"], "build");
}

TEST(PlanOutputTest, DryRunForPeopleHasABlockForEachImageAndThePlan) {
  const std::string text = Print({.detailed = true});
  EXPECT_THAT(text, AllOf(HasSubstr("image: \"web:1\"\n"), HasSubstr("  dockerfile: D\n"),
                          HasSubstr("IMAGE  ACTION"), Not(HasSubstr("hunter"))));
}

TEST(PlanOutputTest, EveryFormatIsPrinted) {
  EXPECT_THAT(Print({}), HasSubstr("IMAGE  ACTION"));
  EXPECT_THAT(Print({.format = Format::kYaml}), HasSubstr("useful_workers: 1"));
  EXPECT_THAT(Print({.format = Format::kDot}), HasSubstr("digraph"));
  EXPECT_THAT(Print({.format = Format::kMermaid}), HasSubstr("flowchart"));
}

TEST(PlanOutputTest, AStoreThatCannotBeReadIsAnError) {
  testing::StringConsole console;
  EXPECT_THAT(PrintPlan(console, {.detailed = true}, Sample(), Plan(), {}, /*pushes=*/true,
                        [](const std::string&) -> absl::StatusOr<std::string> {
                          return absl::UnauthenticatedError("store x: broken");
                        }),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("store x")));
}

}  // namespace
}  // namespace stevedore::cli
