#include "cli/plan_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Task = v1::PlanBuildResponse::Task;

Task* Add(v1::PlanBuildResponse& plan, const std::string& id, Task::Action action,
          const std::string& parent = "", const std::string& platform = "linux/amd64") {
  Task* task = plan.add_tasks();
  task->set_image_id(id);
  task->set_platform(platform);
  task->set_action(action);
  if (!parent.empty()) task->add_parents(parent);
  return task;
}

v1::PlanBuildResponse Sample() {
  v1::PlanBuildResponse plan;
  Add(plan, "base:1", Task::ACTION_BUILD, "alpine:3")->add_causes("context rootfs: etc/motd");
  Add(plan, "web:1", Task::ACTION_REUSE, "base:1");
  Add(plan, "web:1", Task::ACTION_BUILD_IF_PARENT_CHANGES, "base:1", "linux/arm64");
  Add(plan, "lone:1", Task::ACTION_REUSE);
  return plan;
}

TEST(PlanGraphTest, DotShowsFatesCausesAndParentsOutside) {
  const std::string dot = PlanDot(Sample(), {});
  EXPECT_THAT(dot, HasSubstr(R"("base:1" [label="base:1\nbuild\ncontext rootfs: etc/motd")"));
  EXPECT_THAT(dot, HasSubstr(R"("alpine:3" [label="alpine:3\nnot built here", fillcolor="#ffffff")"
                             R"(, style="filled,dashed")"));
  // Of two platforms, the one with more work.
  EXPECT_THAT(dot, HasSubstr(R"("web:1" [label="web:1\nbuild if parent changes")"));
  EXPECT_THAT(dot, AllOf(HasSubstr(R"("base:1" -> "web:1";)"), HasSubstr(R"("alpine:3" -> )")));
}

TEST(PlanGraphTest, MermaidShowsTheSame) {
  const std::string text = PlanMermaid(Sample(), {});
  EXPECT_THAT(text, testing::StartsWith("flowchart LR\n"));
  EXPECT_THAT(text, HasSubstr("n0[\"base:1<br/>build<br/>context rootfs: etc/motd\"]:::build\n"));
  EXPECT_THAT(text, HasSubstr("  n0 --> n1\n"));
  EXPECT_THAT(text, HasSubstr("alpine:3<br/>not built here\"]:::outside"));
}

TEST(PlanGraphTest, SkippedImagesAreInThePicture) {
  PlanSurroundings surroundings;
  surroundings.changed_since = "HEAD~1";
  surroundings.unchanged = {"old:1"};
  surroundings.without_builder = {"alpine:3"};
  EXPECT_THAT(PlanMermaid(Sample(), surroundings),
              AllOf(HasSubstr("old:1<br/>skip<br/>unchanged since HEAD~1\"]:::skip"),
                    HasSubstr("alpine:3<br/>skip<br/>no builder\"]:::skip")));
}

TEST(PlanGraphTest, OddNamesStayWhatTheyAre) {
  v1::PlanBuildResponse plan;
  const std::string odd = "we\"b\\x<b>#1;:1]";
  Add(plan, odd, Task::ACTION_BUILD)->add_causes("arg A\nB | \"C\"");
  Add(plan, "end", Task::ACTION_BUILD, odd);  // A keyword of Mermaid.
  const std::string dot = PlanDot(plan, {});
  EXPECT_THAT(dot, HasSubstr(R"("we\"b\\x<b>#1;:1]" [label="we\"b\\x<b>#1;:1]\nbuild\narg A\nB)"));
  EXPECT_THAT(dot, HasSubstr(R"("we\"b\\x<b>#1;:1]" -> "end";)"));
  const std::string mermaid = PlanMermaid(plan, {});
  EXPECT_THAT(mermaid, HasSubstr("n0[\"we#34;b#92;x#60;b#62;#35;1#59;:1#93;<br/>build<br/>"
                                 "arg A#32;B #124; #34;C#34;\"]"));
  EXPECT_THAT(mermaid, Not(HasSubstr("[\"we\"")));
}

TEST(PlanGraphTest, ManyAndLongCausesAreCut) {
  v1::PlanBuildResponse plan;
  Task* task = Add(plan, "a:1", Task::ACTION_BUILD);
  for (int i = 0; i < 5; ++i) task->add_causes(std::string(100, static_cast<char>('a' + i)));
  const std::string text = PlanMermaid(plan, {});
  EXPECT_THAT(text, HasSubstr("aaa...<br/>bbb"));
  EXPECT_THAT(text, HasSubstr("ccc...<br/>and 2 more\"]"));
  EXPECT_THAT(text, Not(HasSubstr("ddd")));
}

}  // namespace
}  // namespace stevedore::cli
