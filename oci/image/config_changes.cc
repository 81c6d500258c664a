#include "oci/image/config_changes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

// `run`'s object member, made if it is absent or null.
Json& ObjectMember(Json& run, const char* member) {
  Json& value = run[member];
  if (!value.is_object()) value = Json::object();
  return value;
}

Json& ListMember(Json& run, const char* member) {
  Json& value = run[member];
  if (!value.is_array()) value = Json::array();
  return value;
}

// Matches "KEY=anything".
bool IsVariable(const Json& item, const std::string& key) {
  return item.is_string() &&
         absl::StartsWith(item.get_ref<const std::string&>(), absl::StrCat(key, "="));
}

void SetEnv(const std::vector<std::pair<std::string, std::string>>& changes, Json& run) {
  for (const auto& change : changes) {
    Json& env = ListMember(run, "Env");
    const std::string item = absl::StrCat(change.first, "=", change.second);
    const auto it = std::find_if(env.begin(), env.end(), [&change](const Json& old) {
      return IsVariable(old, change.first);
    });
    if (it == env.end()) {
      env.push_back(item);
    } else {
      *it = item;
    }
  }
}

void UnsetEnv(const std::vector<std::string>& keys, Json& run) {
  const auto member = run.find("Env");
  if (keys.empty() || member == run.end() || !member->is_array()) return;
  Json left = Json::array();
  for (const Json& item : *member) {
    const bool unset = std::any_of(keys.begin(), keys.end(), [&item](const std::string& key) {
      return IsVariable(item, key);
    });
    if (!unset) left.push_back(item);
  }
  if (left.empty()) {
    run.erase("Env");
  } else {
    *member = std::move(left);
  }
}

void UnsetItems(const char* name, const std::vector<std::string>& items, Json& run) {
  const auto member = run.find(name);
  if (items.empty() || member == run.end() || !member->is_object()) return;
  for (const std::string& item : items) member->erase(item);
  if (member->empty()) run.erase(name);
}

Json ToJson(const Healthcheck& check) {
  Json json = {{"Test", check.test}};
  if (check.interval_ns != 0) json["Interval"] = check.interval_ns;
  if (check.timeout_ns != 0) json["Timeout"] = check.timeout_ns;
  if (check.start_period_ns != 0) json["StartPeriod"] = check.start_period_ns;
  if (check.retries != 0) json["Retries"] = check.retries;
  return json;
}

void ApplyRemovals(const ConfigChanges& changes, Json& run) {
  for (const RunMember member : changes.unset) run.erase(std::string(RunMemberName(member)));
  UnsetEnv(changes.unset_env, run);
  UnsetItems("Labels", changes.unset_labels, run);
  UnsetItems("ExposedPorts", changes.unset_exposed_ports, run);
  UnsetItems("Volumes", changes.unset_volumes, run);
}

bool IsPort(absl::string_view text) {
  uint32_t port = 0;
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65535;
}

}  // namespace

absl::string_view RunMemberName(RunMember member) {
  switch (member) {
    case RunMember::kEntrypoint:
      return "Entrypoint";
    case RunMember::kCmd:
      return "Cmd";
    case RunMember::kEnv:
      return "Env";
    case RunMember::kUser:
      return "User";
    case RunMember::kWorkingDir:
      return "WorkingDir";
    case RunMember::kStopSignal:
      return "StopSignal";
    case RunMember::kLabels:
      return "Labels";
    case RunMember::kExposedPorts:
      return "ExposedPorts";
    case RunMember::kVolumes:
      return "Volumes";
    case RunMember::kHealthcheck:
      return "Healthcheck";
    case RunMember::kShell:
      return "Shell";
    case RunMember::kOnBuild:
      return "OnBuild";
  }
  return "";
}

bool ConfigChanges::empty() const {
  const bool sets = entrypoint.has_value() || cmd.has_value() || !env.empty() || user.has_value() ||
                    working_dir.has_value() || stop_signal.has_value() || !labels.empty() ||
                    !exposed_ports.empty() || !volumes.empty() || healthcheck.has_value() ||
                    shell.has_value() || !on_build.empty();
  return !sets && unset.empty() && unset_env.empty() && unset_labels.empty() &&
         unset_exposed_ports.empty() && unset_volumes.empty();
}

void ApplyChanges(const ConfigChanges& changes, nlohmann::json& run) {
  ApplyRemovals(changes, run);
  if (changes.entrypoint.has_value()) {
    run["Entrypoint"] = *changes.entrypoint;
    run.erase("Cmd");
  }
  if (changes.cmd.has_value()) run["Cmd"] = *changes.cmd;
  SetEnv(changes.env, run);
  if (changes.user.has_value()) run["User"] = *changes.user;
  if (changes.working_dir.has_value()) run["WorkingDir"] = *changes.working_dir;
  if (changes.stop_signal.has_value()) run["StopSignal"] = *changes.stop_signal;
  for (const auto& [key, value] : changes.labels) ObjectMember(run, "Labels")[key] = value;
  for (const std::string& port : changes.exposed_ports) {
    ObjectMember(run, "ExposedPorts")[port] = Json::object();
  }
  for (const std::string& volume : changes.volumes) {
    ObjectMember(run, "Volumes")[volume] = Json::object();
  }
  if (changes.healthcheck.has_value()) run["Healthcheck"] = ToJson(*changes.healthcheck);
  if (changes.shell.has_value()) run["Shell"] = *changes.shell;
  for (const std::string& trigger : changes.on_build) {
    ListMember(run, "OnBuild").push_back(trigger);
  }
}

absl::Status CheckExposedPort(absl::string_view port) {
  const std::vector<absl::string_view> parts = absl::StrSplit(port, '/');
  const std::vector<absl::string_view> range = absl::StrSplit(parts[0], '-');
  const bool protocol =
      parts.size() == 1 ||
      (parts.size() == 2 && (parts[1] == "tcp" || parts[1] == "udp" || parts[1] == "sctp"));
  const bool ports = range.size() <= 2 && std::all_of(range.begin(), range.end(), IsPort);
  if (protocol && ports) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("port ", base::Quoted(port),
                   " is not of the form PORT[-PORT][/tcp|udp|sctp] with ports from 1 to 65535, ",
                   "like 8080/tcp"));
}

}  // namespace stevedore::oci
