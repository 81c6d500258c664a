#include "cli/plan_printer.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/text.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using Task = v1::PlanBuildResponse::Task;

absl::string_view ActionName(Task::Action action) {
  switch (action) {
    case Task::ACTION_BUILD:
      return "build";
    case Task::ACTION_REUSE:
      return "reuse";
    case Task::ACTION_BUILD_IF_PARENT_CHANGES:
      return "build if parent changes";
    case Task::ACTION_NONE:
      return "none";
    default:
      return "unknown";
  }
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

bool SeveralPlatforms(const v1::PlanBuildResponse& plan) {
  for (const Task& task : plan.tasks()) {
    if (task.platform() != plan.tasks(0).platform()) return true;
  }
  return false;
}

std::string Counts(const v1::PlanBuildResponse& plan) {
  int build = 0, maybe = 0, reuse = 0;
  for (const Task& task : plan.tasks()) {
    build += task.action() == Task::ACTION_BUILD;
    maybe += task.action() == Task::ACTION_BUILD_IF_PARENT_CHANGES;
    reuse += task.action() == Task::ACTION_REUSE;
  }
  std::string text =
      absl::StrCat(build, " to build, ", maybe, " depending on a parent, ", reuse, " to reuse");
  const absl::Duration makespan = ToDuration(plan.makespan());
  if (makespan > absl::ZeroDuration()) {
    absl::StrAppend(&text, "; about ", FormatSeconds(makespan), " at best");
  }
  if (plan.average_parallelism() > 1) {
    absl::StrAppend(&text, absl::StrFormat("; more than %.0f at once cannot help",
                                           plan.average_parallelism() + 0.5));
  }
  return absl::StrCat(text, "\n");
}

}  // namespace

std::string PlanTable(const v1::PlanBuildResponse& plan) {
  const bool platforms = SeveralPlatforms(plan);
  std::vector<std::vector<std::string>> rows;
  for (const Task& task : plan.tasks()) {
    const absl::Duration estimate = ToDuration(task.estimate());
    rows.push_back(
        {platforms ? absl::StrCat(task.image_id(), " (", task.platform(), ")") : task.image_id(),
         std::string(ActionName(task.action())), absl::StrJoin(task.causes(), ", "),
         estimate > absl::ZeroDuration() ? FormatSeconds(estimate) : "", ShortDigest(task.digest()),
         absl::StrJoin(task.parents(), " ")});
  }
  return absl::StrCat(
      FormatTable({"IMAGE", "ACTION", "CAUSE", "ESTIMATE", "DIGEST", "PARENTS"}, rows),
      Counts(plan));
}

std::string PlanJson(const v1::PlanBuildResponse& plan) {
  nlohmann::ordered_json json;
  json["tasks"] = nlohmann::ordered_json::array();
  for (const Task& task : plan.tasks()) {
    nlohmann::ordered_json entry = {{"image", task.image_id()}, {"platform", task.platform()}};
    entry["action"] = std::string(ActionName(task.action()));
    entry["causes"] = std::vector<std::string>(task.causes().begin(), task.causes().end());
    if (task.has_estimate()) {
      entry["estimate_seconds"] = absl::ToDoubleSeconds(ToDuration(task.estimate()));
    }
    if (!task.digest().empty()) entry["digest"] = task.digest();
    entry["parents"] = std::vector<std::string>(task.parents().begin(), task.parents().end());
    json["tasks"].push_back(std::move(entry));
  }
  json["makespan_seconds"] = absl::ToDoubleSeconds(ToDuration(plan.makespan()));
  json["average_parallelism"] = plan.average_parallelism();
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace stevedore::cli
