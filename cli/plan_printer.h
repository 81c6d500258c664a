// Shows a plan: what would be built, reused or skipped, and why.

#ifndef STEVEDORE_CLI_PLAN_PRINTER_H_
#define STEVEDORE_CLI_PLAN_PRINTER_H_

#include <string>

namespace stevedore::v1 {
class PlanBuildResponse;
}  // namespace stevedore::v1

namespace stevedore::cli {

// A table in the order of the plan, then counts, expected time and parallelism. Thread-safe.
std::string PlanTable(const v1::PlanBuildResponse& plan);

// One indented JSON object: tasks, makespan_seconds, average_parallelism. Thread-safe.
std::string PlanJson(const v1::PlanBuildResponse& plan);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLAN_PRINTER_H_
