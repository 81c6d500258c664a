#include "worker/drivers/native_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::worker::native {
namespace {

using Json = nlohmann::json;

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// A range in a file of a few bytes must not fill memory.
constexpr uint32_t kMostPorts = 65'535;

std::vector<std::string> TextsOf(const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) return texts;
  for (const Json& item : json) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

absl::Duration NanosecondsOf(const Json& json, const char* member) {
  const auto found = json.find(member);
  if (found == json.end() || !found->is_number_integer()) return absl::ZeroDuration();
  return absl::Nanoseconds(found->get<int64_t>());
}

std::optional<HealthCheck> HealthOf(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  HealthCheck health;
  if (json.contains("Test")) health.test = TextsOf(json["Test"]);
  health.interval = NanosecondsOf(json, "Interval");
  health.timeout = NanosecondsOf(json, "Timeout");
  health.start_period = NanosecondsOf(json, "StartPeriod");
  health.start_interval = NanosecondsOf(json, "StartInterval");
  const auto retries = json.find("Retries");
  if (retries != json.end() && retries->is_number_integer()) {
    health.retries = retries->get<int64_t>();
  }
  return health;
}

Json ToJson(const HealthCheck& health) {
  Json json = Json::object();
  if (!health.test.empty()) json["Test"] = health.test;
  const auto add = [&json](const char* member, absl::Duration value) {
    if (value != absl::ZeroDuration()) json[member] = absl::ToInt64Nanoseconds(value);
  };
  add("Interval", health.interval);
  add("Timeout", health.timeout);
  add("StartPeriod", health.start_period);
  add("StartInterval", health.start_interval);
  if (health.retries != 0) json["Retries"] = health.retries;
  return json;
}

template <typename Names>
void SetKeys(Json& json, const char* member, const Names& names) {
  if (names.empty()) return;
  for (const std::string& name : names) json[member][name] = Json::object();
}

}  // namespace

absl::StatusOr<RunConfig> RunConfig::Of(const oci::ImageConfig& config) {
  RunConfig run;
  ASSIGN_OR_RETURN(const Json document, oci::ParseJson(config.bytes()), "image config");
  Json json = document.value("config", Json::object());
  if (!json.is_object()) json = Json::object();
  for (const std::string& item : config.env()) {
    const size_t equals = item.find('=');
    run.SetEnv(item.substr(0, equals), item.substr(std::min(equals + 1, item.size())));
  }
  run.cmd = config.cmd();
  run.entrypoint = config.entrypoint();
  run.user = config.user();
  run.working_dir = config.working_dir();
  run.stop_signal = config.stop_signal();
  run.labels = config.labels();
  run.exposed_ports = config.exposed_ports();
  run.volumes = config.volumes();
  if (json.contains("Shell") && json["Shell"].is_array()) run.shell = TextsOf(json["Shell"]);
  if (json.contains("OnBuild")) run.on_build = TextsOf(json["OnBuild"]);
  if (json.contains("Healthcheck")) run.health = HealthOf(json["Healthcheck"]);
  for (const char* member :
       {"Env", "Cmd", "Entrypoint", "User", "WorkingDir", "StopSignal", "Labels", "ExposedPorts",
        "Volumes", "Shell", "OnBuild", "Healthcheck", "ArgsEscaped", "Image"}) {
    json.erase(member);
  }
  ASSIGN_OR_RETURN(run.further_json, oci::CanonicalJson(json), "image config");
  return run;
}

void RunConfig::SetEnv(const std::string& name, const std::string& value) {
  for (auto& [known, old] : env) {
    if (known != name) continue;
    old = value;
    return;
  }
  env.emplace_back(name, value);
}

const std::string* RunConfig::FindEnv(absl::string_view name) const {
  for (const auto& [known, value] : env) {
    if (known == name) return &value;
  }
  return nullptr;
}

void RunConfig::AddDefaultPath() {
  if (FindEnv("PATH") == nullptr) SetEnv("PATH", kDefaultPath);
}

std::vector<std::string> RunConfig::ShellOrDefault() const {
  return shell.value_or(std::vector<std::string>{"/bin/sh", "-c"});
}

nlohmann::json RunConfig::ToJson() const {
  Json json = Json::parse(further_json, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) json = Json::object();
  for (const auto& [name, value] : env) json["Env"].push_back(absl::StrCat(name, "=", value));
  if (cmd.has_value()) json["Cmd"] = *cmd;
  if (entrypoint.has_value()) json["Entrypoint"] = *entrypoint;
  if (shell.has_value()) json["Shell"] = *shell;
  if (!user.empty()) json["User"] = user;
  if (!working_dir.empty()) json["WorkingDir"] = working_dir;
  if (!stop_signal.empty()) json["StopSignal"] = stop_signal;
  if (!labels.empty()) json["Labels"] = labels;
  SetKeys(json, "ExposedPorts", exposed_ports);
  SetKeys(json, "Volumes", volumes);
  if (!on_build.empty()) json["OnBuild"] = on_build;
  if (health.has_value()) json["Healthcheck"] = native::ToJson(*health);
  return json;
}

absl::StatusOr<std::vector<std::string>> ParsePorts(absl::string_view text) {
  const auto wrong = [text] {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(text), " is no port; write 8080, 8080/udp or 8000-8010/tcp ",
                     "with numbers from 0 to 65535 and tcp, udp or sctp"));
  };
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  const std::string protocol =
      absl::StrContains(text, "/") ? absl::AsciiStrToLower(parts.second) : "tcp";
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return wrong();
  // What stands before a colon is a host's address or port, which an image has not: engines take
  // the last part.
  absl::string_view range = parts.first;
  if (const size_t colon = range.rfind(':'); colon != absl::string_view::npos) {
    range.remove_prefix(colon + 1);
  }
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(range, absl::MaxSplits('-', 1));
  uint32_t first = 0;
  if (!absl::SimpleAtoi(ends.first, &first)) return wrong();
  uint32_t last = first;
  if (absl::StrContains(range, "-") && !absl::SimpleAtoi(ends.second, &last)) return wrong();
  if (first > last || last > kMostPorts) return wrong();
  std::vector<std::string> ports;
  for (uint32_t port = first; port <= last; ++port) {
    ports.push_back(absl::StrCat(port, "/", protocol));
  }
  return ports;
}

absl::Status CheckSignal(absl::string_view text) {
  static constexpr absl::string_view kSignals[] = {
      "ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
      "INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
      "SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
      "URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};
  int number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1 && number <= 64) return absl::OkStatus();
  const std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view name = absl::StripPrefix(upper, "SIG");
  for (const absl::string_view base : {"RTMIN+", "RTMAX-"}) {
    if (absl::StartsWith(name, base) && absl::SimpleAtoi(name.substr(base.size()), &number) &&
        number >= 0 && number <= 15) {
      return absl::OkStatus();
    }
  }
  if (std::find(std::begin(kSignals), std::end(kSignals), name) != std::end(kSignals)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      base::Quoted(text), " is no signal; write a name such as SIGTERM or a number from 1 to 64"));
}

}  // namespace stevedore::worker::native
