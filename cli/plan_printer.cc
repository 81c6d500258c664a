#include "cli/plan_printer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/structured_output.h"
#include "cli/text.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;
using Task = v1::PlanBuildResponse::Task;

// More unchanged images than this are only counted.
constexpr size_t kShownUnchanged = 20;

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

bool SeveralPlatforms(const v1::PlanBuildResponse& plan) {
  for (const Task& task : plan.tasks()) {
    if (task.platform() != plan.tasks(0).platform()) return true;
  }
  return false;
}

int CountOf(const v1::PlanBuildResponse& plan, Task::Action action) {
  return static_cast<int>(
      std::count_if(plan.tasks().begin(), plan.tasks().end(),
                    [action](const Task& task) { return task.action() == action; }));
}

std::string Unchanged(const PlanSurroundings& surroundings) {
  return absl::StrCat("unchanged since ", surroundings.changed_since);
}

std::string Counts(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  std::string text =
      absl::StrCat(CountOf(plan, Task::ACTION_BUILD), " to build, ",
                   CountOf(plan, Task::ACTION_BUILD_IF_PARENT_CHANGES), " depending on a parent, ",
                   CountOf(plan, Task::ACTION_REUSE), " to reuse");
  const size_t skipped = surroundings.unchanged.size() + surroundings.without_builder.size() +
                         CountOf(plan, Task::ACTION_NONE);
  if (skipped > 0) absl::StrAppend(&text, ", ", skipped, " skipped");
  return absl::StrCat(text, "\n");
}

std::string Parallelism(const v1::PlanBuildResponse& plan) {
  std::string text = absl::StrFormat("average parallelism %.1f", plan.average_parallelism());
  absl::StrAppend(&text, "; more than ", plan.useful_workers(),
                  plan.useful_workers() == 1 ? " worker" : " workers", " cannot help\n");
  return text;
}

std::string Times(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  const int running =
      CountOf(plan, Task::ACTION_BUILD) + CountOf(plan, Task::ACTION_BUILD_IF_PARENT_CHANGES);
  if (running == 0) return "";
  if (!plan.has_makespan()) {
    return absl::StrCat("no estimates: nothing was built before; by the number of images, ",
                        Parallelism(plan));
  }
  const absl::Duration makespan = ToDuration(plan.makespan());
  const absl::Duration work = ToDuration(plan.work());
  std::string text = absl::StrCat("estimated ", FormatSeconds(makespan), " at best for ",
                                  FormatSeconds(work), " of work");
  if (surroundings.slots > 0 && work / surroundings.slots > makespan) {
    absl::StrAppend(&text, " (with ", surroundings.slots, " at once ",
                    FormatSeconds(work / surroundings.slots), " or more)");
  }
  absl::StrAppend(&text, "; ", Parallelism(plan));
  if (plan.guessed_count() > 0) {
    absl::StrAppend(&text, plan.guessed_count(), " of ", running,
                    running == 1 ? " estimate is a guess" : " estimates are guesses",
                    " (~): not built before, taken from its siblings or all images\n");
  }
  return text;
}

Json TaskAsJson(const Task& task, const PlanSurroundings& surroundings) {
  Json entry = {{"image", task.image_id()}, {"platform", task.platform()}};
  entry["action"] = std::string(ActionName(task));
  entry["causes"] = std::vector<std::string>(task.causes().begin(), task.causes().end());
  if (task.has_estimate()) {
    entry["estimate_seconds"] = absl::ToDoubleSeconds(ToDuration(task.estimate()));
    entry["estimate_is_guess"] = task.estimate_is_guess();
  }
  if (!task.digest().empty()) entry["digest"] = task.digest();
  entry["parents"] = std::vector<std::string>(task.parents().begin(), task.parents().end());
  const auto because = surroundings.selected_because.find(task.image_id());
  if (because != surroundings.selected_because.end()) entry["selected_because"] = because->second;
  return entry;
}

}  // namespace

absl::string_view ActionName(const Task& task) {
  switch (task.action()) {
    case Task::ACTION_BUILD:
      return "build";
    case Task::ACTION_REUSE:
      return "reuse";
    case Task::ACTION_BUILD_IF_PARENT_CHANGES:
      return "build if parent changes";
    case Task::ACTION_NONE:
      return "skip";
    default:
      return "unknown";
  }
}

std::string PlanTable(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  const bool platforms = SeveralPlatforms(plan);
  std::vector<std::vector<std::string>> rows;
  for (const Task& task : plan.tasks()) {
    const absl::Duration estimate = ToDuration(task.estimate());
    rows.push_back(
        {platforms ? absl::StrCat(task.image_id(), " (", task.platform(), ")") : task.image_id(),
         std::string(ActionName(task)), absl::StrJoin(task.causes(), ", "),
         estimate > absl::ZeroDuration()
             ? absl::StrCat(task.estimate_is_guess() ? "~" : "", FormatSeconds(estimate))
             : "",
         ShortDigest(task.digest()), absl::StrJoin(task.parents(), " ")});
  }
  for (const std::string& id : surroundings.without_builder) {
    rows.push_back({id, "skip", "no builder: made elsewhere"});
  }
  const std::vector<std::string>& unchanged = surroundings.unchanged;
  if (unchanged.size() <= kShownUnchanged) {
    for (const std::string& id : unchanged) rows.push_back({id, "skip", Unchanged(surroundings)});
  }
  return absl::StrCat(
      rows.empty()
          ? ""
          : FormatTable({"IMAGE", "ACTION", "CAUSE", "ESTIMATE", "DIGEST", "PARENTS"}, rows),
      Counts(plan, surroundings), Times(plan, surroundings));
}

Json PlanAsJson(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  Json json;
  json["tasks"] = Json::array();
  for (const Task& task : plan.tasks()) json["tasks"].push_back(TaskAsJson(task, surroundings));
  json["skipped"] = Json::array();
  for (const std::string& id : surroundings.without_builder) {
    json["skipped"].push_back({{"image", id}, {"why", "no builder: made elsewhere"}});
  }
  for (const std::string& id : surroundings.unchanged) {
    json["skipped"].push_back({{"image", id}, {"why", Unchanged(surroundings)}});
  }
  if (!surroundings.changed_since.empty()) json["changed_since"] = surroundings.changed_since;
  if (plan.has_makespan()) {
    json["makespan_seconds"] = absl::ToDoubleSeconds(ToDuration(plan.makespan()));
    json["work_seconds"] = absl::ToDoubleSeconds(ToDuration(plan.work()));
  }
  json["average_parallelism"] = plan.average_parallelism();
  json["useful_workers"] = plan.useful_workers();
  json["guessed_estimates"] = plan.guessed_count();
  return json;
}

std::string PlanJson(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  return ToJsonText(PlanAsJson(plan, surroundings));
}

std::string PlanYaml(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  return ToYamlText(PlanAsJson(plan, surroundings));
}

}  // namespace stevedore::cli
