#include "cli/plan_output.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/plan_graph.h"
#include "cli/structured_output.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {

using Format = PlanOutput::Format;

absl::StatusOr<OutputFlags> ReadOutputFlags(const std::vector<std::string>& outputs,
                                            const std::string& graph) {
  OutputFlags flags;
  for (const std::string& output : outputs) {
    if (output == "table" || output == "json" || output == "yaml") {
      flags.plan.format = output == "json"   ? Format::kJson
                          : output == "yaml" ? Format::kYaml
                                             : Format::kTable;
      flags.has_format = true;
    } else if (absl::StartsWith(output, "oci:")) {
      flags.place = output;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("--output ", base::Quoted(output),
                       ": use table, json, yaml, or oci:DIR for the folder of an image layout"));
    }
  }
  if (graph.empty()) return flags;
  if (graph != "dot" && graph != "mermaid") {
    return absl::InvalidArgumentError(
        absl::StrCat("--graph ", base::Quoted(graph), ": use dot or mermaid"));
  }
  if (flags.has_format) {
    return absl::InvalidArgumentError("--graph and a format of --output exclude each other");
  }
  flags.plan.format = graph == "dot" ? Format::kDot : Format::kMermaid;
  flags.has_format = true;
  return flags;
}

absl::Status PrintPlan(Console& console, const PlanOutput& output,
                       const SelectionWithParents& selected, const v1::PlanBuildResponse& plan,
                       const PlanSurroundings& surroundings, bool pushes,
                       const CredentialIdOf& credential_id) {
  if (output.format == Format::kDot || output.format == Format::kMermaid) {
    console.Out(output.format == Format::kDot ? PlanDot(plan, surroundings)
                                              : PlanMermaid(plan, surroundings));
    return absl::OkStatus();
  }
  nlohmann::ordered_json json;
  if (output.detailed) {
    ASSIGN_OR_RETURN(json, DryRunJson(selected, plan, surroundings, pushes, credential_id));
  } else if (output.format != Format::kTable) {
    json = PlanAsJson(plan, surroundings);
  }
  switch (output.format) {
    case Format::kJson:
      console.Out(ToJsonText(json));
      break;
    case Format::kYaml:
      console.Out(ToYamlText(json));
      break;
    default:
      console.Out(output.detailed ? DryRunText(json, plan, surroundings)
                                  : PlanTable(plan, surroundings));
  }
  return absl::OkStatus();
}

}  // namespace stevedore::cli
