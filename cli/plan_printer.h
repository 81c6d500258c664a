// Plans for people and for programs.

#ifndef STEVEDORE_CLI_PLAN_PRINTER_H_
#define STEVEDORE_CLI_PLAN_PRINTER_H_

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::v1 {
class PlanBuildResponse;
class PlanBuildResponse_Task;
}  // namespace stevedore::v1

namespace stevedore::cli {

// What is known of a plan beside the coordinator's answer. A value.
struct PlanSurroundings {
  // REF of --changed-since; empty: not given.
  std::string changed_since;
  // With it: why each image was selected, by id, and what is as it was then.
  std::map<std::string, std::string> selected_because;
  std::vector<std::string> unchanged;
  // Ids of images that were named but are made elsewhere.
  std::vector<std::string> without_builder;
  // Images that would be built at once here; 0: that is not known.
  int slots = 0;
};

// "build", "reuse", "build if parent changes" or "skip".
absl::string_view ActionName(const v1::PlanBuildResponse_Task& task);

// A row for each image and platform, then counts and times. Thread-safe, as all below.
std::string PlanTable(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings);

// The same for programs: indented JSON, or YAML.
nlohmann::ordered_json PlanAsJson(const v1::PlanBuildResponse& plan,
                                  const PlanSurroundings& surroundings);
std::string PlanJson(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings);
std::string PlanYaml(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLAN_PRINTER_H_
