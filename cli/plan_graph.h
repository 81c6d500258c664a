// A plan as a picture: text for Graphviz or Mermaid.

#ifndef STEVEDORE_CLI_PLAN_GRAPH_H_
#define STEVEDORE_CLI_PLAN_GRAPH_H_

#include <string>

#include "cli/plan_printer.h"

namespace stevedore::v1 {
class PlanBuildResponse;
}  // namespace stevedore::v1

namespace stevedore::cli {

// Digraphs from parents to children, one node per image (its platforms share it), with what would
// happen and why, coloured by the former. Parents outside the plan are dashed. Whatever ids and
// causes hold is shown as it is. Thread-safe.
std::string PlanDot(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings);
std::string PlanMermaid(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLAN_GRAPH_H_
