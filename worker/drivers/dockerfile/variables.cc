#include "worker/drivers/dockerfile/variables.h"

#include <utility>

#include "base/status.h"
#include "worker/drivers/dockerfile/expand.h"

namespace stevedore::worker::dockerfile {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

std::optional<std::string> FindIn(const Values& values, absl::string_view name) {
  const auto found = values.find(std::string(name));
  if (found == values.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::string> ExpandWith(const Values& values, absl::string_view word, char escape) {
  ExpandOptions options;
  options.escape = escape;
  return ExpandWord(
      word, [&values](absl::string_view name) { return FindIn(values, name); }, options);
}

void AddPlatform(const std::string& prefix, const oci::Platform& platform, Values& values) {
  oci::Platform shown = platform;  // Without version and features.
  shown.os_version.clear();
  shown.os_features.clear();
  values[prefix + "PLATFORM"] = shown.ToString();
  values[prefix + "OS"] = platform.os;
  values[prefix + "ARCH"] = platform.architecture;
  values[prefix + "VARIANT"] = platform.variant;
}

}  // namespace

absl::StatusOr<GlobalVariables> GlobalVariables::Create(const Dockerfile& file,
                                                        const BuildArguments& arguments) {
  GlobalVariables variables;
  variables.given_ = arguments.values;
  AddPlatform("TARGET", arguments.target_platform, variables.values_);
  AddPlatform("BUILD", arguments.build_platform, variables.values_);
  variables.values_["TARGETSTAGE"] =
      arguments.target_stage.empty() ? "default" : arguments.target_stage;
  for (auto& [name, value] : variables.values_) {
    const auto given = arguments.values.find(name);
    if (given != arguments.values.end()) value = given->second;
  }
  for (const Instruction& arg : file.global_arguments()) {
    for (const Pair& pair : arg.pairs) {
      const auto given = arguments.values.find(pair.name);
      if (given != arguments.values.end()) {
        variables.values_[pair.name] = given->second;
      } else if (pair.value.has_value()) {
        ASSIGN_OR_RETURN(std::string value, variables.Expand(*pair.value, file.directives().escape),
                         file.Place(arg.line), ": ARG ", pair.name);
        variables.values_[pair.name] = std::move(value);
      }
    }
  }
  return variables;
}

std::optional<std::string> GlobalVariables::Find(absl::string_view name) const {
  return FindIn(values_, name);
}

absl::StatusOr<std::string> GlobalVariables::Expand(absl::string_view word, char escape) const {
  return ExpandWith(values_, word, escape);
}

std::optional<std::string> StageVariables::Find(absl::string_view name) const {
  return FindIn(values_, name);
}

absl::StatusOr<std::string> StageVariables::Expand(absl::string_view word, char escape) const {
  return ExpandWith(values_, word, escape);
}

absl::Status StageVariables::Declare(const Instruction& arg, const GlobalVariables& global,
                                     char escape) {
  for (const Pair& pair : arg.pairs) {
    const auto given = global.given().find(pair.name);
    std::optional<std::string> value;
    if (given != global.given().end()) {
      value = given->second;
    } else if (pair.value.has_value()) {
      ASSIGN_OR_RETURN(value, Expand(*pair.value, escape), "ARG ", pair.name);
    } else {
      value = global.Find(pair.name);
    }
    if (value.has_value()) Set(pair.name, *std::move(value));
  }
  return absl::OkStatus();
}

}  // namespace stevedore::worker::dockerfile
