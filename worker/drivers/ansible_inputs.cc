#include "worker/drivers/ansible_inputs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

namespace stevedore::worker {
namespace {

using Json = nlohmann::json;

// "1.0" of "registry:5000/ns/name:1.0".
std::string TagOf(const std::string& reference) {
  const size_t colon = reference.rfind(':');
  const size_t slash = reference.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return reference;
  return reference.substr(colon + 1);
}

}  // namespace

absl::StatusOr<std::string> AnsibleVariables(const BuildRequest& request,
                                             const graph::AnsibleOptions& options,
                                             const std::map<std::string, std::string>& arguments) {
  const graph::AutomaticVariables& automatic = options.automatic;
  Json variables = Json::object();
  const auto add = [&variables](const std::string& name, Json value) {
    if (!name.empty() && !variables.contains(name)) variables[name] = std::move(value);
  };
  for (const auto& [name, value] : automatic.own) add(name, value);
  for (const auto& [name, value] : arguments) {
    if (request.parent_arguments.count(name) > 0) continue;
    const auto typed = options.typed_variables.find(name);
    if (typed == options.typed_variables.end()) {
      add(name, value);
    } else {
      add(name, Json::parse(typed->second, nullptr, /*allow_exceptions=*/false));
    }
  }
  Json tags = Json::array();
  for (const std::string& tag : request.facts.tags) tags.push_back(TagOf(tag));
  if (!tags.empty()) add(automatic.tags_name, std::move(tags));
  for (const std::string& name : automatic.persistent_labels) {
    const auto label = request.labels.find(name);
    if (label != request.labels.end()) add(name, label->second);
  }
  if (!request.labels.empty()) add(automatic.labels_name, request.labels);
  for (const auto& [name, value] : arguments) add(name, value);
  if (!request.facts.to_registry) add(automatic.push_name, false);
  try {
    return variables.dump();
  } catch (const Json::exception&) {
    return absl::InvalidArgumentError(
        "a variable or label is not UTF-8, which playbooks cannot take");
  }
}

std::vector<std::string> AnsibleCommand(const std::string& program,
                                        const graph::AnsibleOptions& options,
                                        const std::string& variables_file) {
  std::vector<std::string> argv = {program, "--extra-vars", absl::StrCat("@", variables_file),
                                   "--inventory", options.inventory};
  if (!options.limit.empty()) argv.insert(argv.end(), {"--limit", options.limit});
  if (options.connection_local) argv.insert(argv.end(), {"--connection", "local"});
  argv.push_back(options.playbook);
  return argv;
}

absl::Status AnsibleExit(int code, const std::vector<std::string>& last_lines) {
  if (code == 0) return absl::OkStatus();
  absl::string_view meaning = "an error that it does not explain by this code";
  absl::string_view advice = "see the lines above its end";
  switch (code) {
    case 1:
      meaning = "an error before or outside of tasks";
      advice = "see its message; inventory, variables, roles or its own configuration are at fault";
      break;
    case 2:
      meaning = "a task failed on one or more hosts";
      advice = "correct the task that is marked `fatal` or `FAILED`";
      break;
    case 3:
      meaning = "one or more hosts are unreachable";
      advice = "check `inventory`, or use `connection_local: true` for this machine";
      break;
    case 4:
      meaning = "one or more hosts are unreachable, or a file cannot be parsed";
      advice =
          "check `inventory` (`connection_local: true` works on this machine) and the syntax of "
          "playbook and inventory (ansible-playbook --syntax-check)";
      break;
    case 5:
      meaning = "bad or incomplete options";
      advice = "check `playbook`, `inventory` and `limit`";
      break;
    case 99:
      meaning = "somebody interrupted it";
      advice = "build again";
      break;
    case 250:
      meaning = "an unexpected error inside ansible";
      advice = "see its message; a newer ansible-core may help";
      break;
    default:
      break;
  }
  const bool killed = code > 128 && code < 160;
  std::string text = killed ? absl::StrCat("ansible-playbook was killed by signal ", code - 128,
                                           "; this machine may be out of memory")
                            : absl::StrCat("ansible-playbook ended with exit code ", code, ": ",
                                           meaning, "; ", advice);
  if (!last_lines.empty()) {
    absl::StrAppend(&text, "\n  ", absl::StrJoin(last_lines, "\n  "));
  }
  return killed ? absl::UnavailableError(text) : absl::FailedPreconditionError(text);
}

}  // namespace stevedore::worker
