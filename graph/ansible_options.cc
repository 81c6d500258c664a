#include "graph/ansible_options.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/option_json.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

constexpr Key kKeys[] = {
    {.name = "playbook",
     .description = "path of the playbook, in the merged context or the working directory",
     .required = true},
    {.name = "inventory", .description = "file, folder, or hosts with a comma such as localhost,"},
    {.name = "limit", .description = "hosts of the inventory to work on"},
    {.name = "connection_local",
     .type = KeyType::kBool,
     .description = "work on the machine that builds, not by ssh",
     .default_value = "false"},
    {.name = "intermediate_container_name",
     .description = "value of the variable image_builder_label; default "
                    "builder_ansible-playbook_NAMESPACE_NAME_VERSION"},
    {.name = "timeout", .description = "the playbook fails if it takes longer, such as 30m"},
};
constexpr KeyTable kTable{"options of driver ansible-playbook", kKeys, ""};

// Members that the resolver adds.
constexpr char kTyped[] = "extra_vars";
constexpr char kAutomatic[] = "automatic";

absl::StatusOr<std::string> ArgumentText(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(std::string text, OptionText(member, json));
  // It would be read as a flag.
  if (absl::StartsWith(text, "-")) return WrongOption(member, "without a dash in front", json);
  if (text.find('\0') != std::string::npos) return WrongOption(member, "without NUL bytes", json);
  return text;
}

absl::StatusOr<AutomaticVariables> Automatic(const Json& json) {
  AutomaticVariables automatic;
  if (!json.is_object()) return WrongOption(kAutomatic, "left out", json);
  RETURN_IF_ERROR(CheckOptionMembers(
      kAutomatic, json, {"own", "tags_name", "labels_name", "push_name", "persistent_labels"}));
  for (const auto& [name, text] :
       {std::pair<const char*, std::string*>{"tags_name", &automatic.tags_name},
        std::pair<const char*, std::string*>{"labels_name", &automatic.labels_name},
        std::pair<const char*, std::string*>{"push_name", &automatic.push_name}}) {
    if (!json.contains(name)) continue;
    ASSIGN_OR_RETURN(*text, OptionText(absl::StrCat(kAutomatic, ".", name), json[name]));
  }
  if (json.contains("own")) {
    if (!json["own"].is_object()) return WrongOption("automatic.own", "a map", json["own"]);
    for (const auto& [name, value] : json["own"].items()) {
      ASSIGN_OR_RETURN(automatic.own[name], OptionText("automatic.own", value));
    }
  }
  if (json.contains("persistent_labels")) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     OptionTexts("automatic.persistent_labels", json["persistent_labels"]));
    automatic.persistent_labels.insert(names.begin(), names.end());
  }
  return automatic;
}

}  // namespace

absl::StatusOr<AnsibleOptions> AnsibleOptions::Parse(absl::string_view options_json) {
  ASSIGN_OR_RETURN(const Json json, ParseOptionsObject(options_json));
  std::vector<absl::string_view> names = kTable.Names();
  names.push_back(kTyped);
  names.push_back(kAutomatic);
  RETURN_IF_ERROR(CheckOptionMembers("", json, names));
  AnsibleOptions options;
  for (const auto& [name, value] : json.items()) {
    if (value.is_null()) continue;
    if (name == "playbook") {
      ASSIGN_OR_RETURN(options.playbook, ArgumentText(name, value));
    } else if (name == "inventory") {
      ASSIGN_OR_RETURN(options.inventory, ArgumentText(name, value));
    } else if (name == "limit") {
      ASSIGN_OR_RETURN(options.limit, ArgumentText(name, value));
    } else if (name == "connection_local") {
      ASSIGN_OR_RETURN(options.connection_local, OptionBool(name, value));
    } else if (name == "intermediate_container_name") {
      RETURN_IF_ERROR(OptionText(name, value).status());  // For the resolver.
    } else if (name == "timeout") {
      ASSIGN_OR_RETURN(options.timeout, OptionDuration(name, value));
    } else if (name == kTyped) {
      if (!value.is_object()) return WrongOption(name, "a map; write `vars` in the image", value);
      for (const auto& [variable, typed] : value.items()) {
        options.typed_variables[variable] =
            typed.dump(-1, ' ', false, Json::error_handler_t::replace);
      }
    } else {
      ASSIGN_OR_RETURN(options.automatic, Automatic(value));
    }
  }
  if (options.playbook.empty()) {
    return absl::InvalidArgumentError(
        "playbook: driver ansible-playbook needs the path of a playbook, such as "
        "`playbook: site.yml`");
  }
  return options;
}

const KeyTable& AnsibleOptionKeys() { return kTable; }

std::string WithAutomaticVariables(const std::string& options_json,
                                   const AutomaticVariables& automatic) {
  absl::StatusOr<Json> options = ParseOptionsObject(options_json);
  if (!options.ok()) return options_json;
  Json json = {{"own", automatic.own}, {"persistent_labels", automatic.persistent_labels}};
  for (const auto& [name, text] :
       {std::pair<const char*, const std::string*>{"tags_name", &automatic.tags_name},
        std::pair<const char*, const std::string*>{"labels_name", &automatic.labels_name},
        std::pair<const char*, const std::string*>{"push_name", &automatic.push_name}}) {
    if (!text->empty()) json[name] = *text;
  }
  (*options)[kAutomatic] = std::move(json);
  return options->dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stevedore::graph
