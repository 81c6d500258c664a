#include "cli/images/edit_flags.h"

#include <CLI/CLI.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::cli {
namespace {

using oci::RunMember;

void AddMany(CLI::App& command, const std::string& names, std::vector<std::string>* values,
             const std::string& text, const char* type) {
  command.add_option(names, *values, text)->allow_extra_args(false)->type_name(type);
}

absl::Status Contradiction(absl::string_view a, absl::string_view b) {
  return absl::InvalidArgumentError(absl::StrCat(a, " and ", b, " contradict each other"));
}

// Nanoseconds; engines refuse less than a millisecond.
absl::StatusOr<int64_t> ReadDuration(absl::string_view flag, const std::string& text) {
  if (text.empty()) return int64_t{0};
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < absl::Milliseconds(1) ||
      duration > absl::Hours(24 * 365)) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, " ", base::Quoted(text), " is not a duration of 1ms or more, like 30s or 1m30s"));
  }
  return absl::ToInt64Nanoseconds(duration);
}

absl::Status ReadHealthcheck(const RunFlags& flags, oci::ConfigChanges* changes) {
  const bool details = !flags.health_interval.empty() || !flags.health_timeout.empty() ||
                       !flags.health_start_period.empty() || flags.health_retries != 0;
  if (flags.no_healthcheck && (flags.health_cmd.has_value() || details)) {
    return Contradiction("--no-healthcheck", "--health-cmd and its details");
  }
  if (flags.no_healthcheck) changes->healthcheck = oci::Healthcheck{.test = {"NONE"}};
  if (!flags.health_cmd.has_value()) {
    if (!details) return absl::OkStatus();
    return absl::InvalidArgumentError("details of a health check need --health-cmd");
  }
  oci::Healthcheck check;
  if (absl::StartsWith(*flags.health_cmd, "[")) {
    ASSIGN_OR_RETURN(check.test, ReadList("--health-cmd", *flags.health_cmd));
    check.test.insert(check.test.begin(), "CMD");
  } else {
    check.test = {"CMD-SHELL", *flags.health_cmd};
  }
  ASSIGN_OR_RETURN(check.interval_ns, ReadDuration("--health-interval", flags.health_interval));
  ASSIGN_OR_RETURN(check.timeout_ns, ReadDuration("--health-timeout", flags.health_timeout));
  ASSIGN_OR_RETURN(check.start_period_ns,
                   ReadDuration("--health-start-period", flags.health_start_period));
  if (flags.health_retries < 0) {
    return absl::InvalidArgumentError("--health-retries is negative");
  }
  check.retries = flags.health_retries;
  changes->healthcheck = std::move(check);
  return absl::OkStatus();
}

// Items to unset; `*` is the whole member.
void ReadUnset(const std::vector<std::string>& items, RunMember member,
               std::vector<std::string>* names, oci::ConfigChanges* changes) {
  for (const std::string& item : items) {
    if (item == "*") {
      changes->unset.push_back(member);
    } else {
      names->push_back(item);
    }
  }
}

absl::Status ReadRemovals(const RunFlags& flags, oci::ConfigChanges* changes) {
  const struct {
    bool unset;
    bool set;
    RunMember member;
    const char* flag;
  } members[] = {
      {flags.unset_entrypoint, flags.entrypoint.has_value(), RunMember::kEntrypoint, "entrypoint"},
      {flags.unset_cmd, flags.cmd.has_value(), RunMember::kCmd, "cmd"},
      {flags.unset_shell, flags.shell.has_value(), RunMember::kShell, "shell"},
      {flags.unset_user, flags.user.has_value(), RunMember::kUser, "user"},
      {flags.unset_workdir, flags.workdir.has_value(), RunMember::kWorkingDir, "workdir"},
      {flags.unset_stop_signal, flags.stop_signal.has_value(), RunMember::kStopSignal,
       "stop-signal"},
      {flags.unset_healthcheck, changes->healthcheck.has_value(), RunMember::kHealthcheck,
       "healthcheck"},
  };
  for (const auto& member : members) {
    if (!member.unset) continue;
    if (member.set) {
      return Contradiction(absl::StrCat("--unset-", member.flag), absl::StrCat("--", member.flag));
    }
    changes->unset.push_back(member.member);
  }
  ReadUnset(flags.unset_env, RunMember::kEnv, &changes->unset_env, changes);
  ReadUnset(flags.unset_labels, RunMember::kLabels, &changes->unset_labels, changes);
  ReadUnset(flags.unset_exposed_ports, RunMember::kExposedPorts, &changes->unset_exposed_ports,
            changes);
  ReadUnset(flags.unset_volumes, RunMember::kVolumes, &changes->unset_volumes, changes);
  return absl::OkStatus();
}

absl::Status CheckAbsolute(absl::string_view flag, const std::string& path) {
  if (absl::StartsWith(path, "/")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", base::Quoted(path), " is not an absolute path"));
}

}  // namespace

void AddRunFlags(CLI::App& command, RunFlags* flags) {
  const char* const kListType = "LIST";
  command
      .add_option("--entrypoint", flags->entrypoint,
                  "Program and first arguments; takes the old command away")
      ->type_name(kListType);
  command.add_option("--cmd", flags->cmd, "Command, or arguments of the entrypoint")
      ->type_name(kListType);
  command.add_option("--shell", flags->shell, "What runs commands that are one text")
      ->type_name(kListType);
  command.add_option("-u,--user", flags->user, "User, also USER:GROUP")->type_name("USER");
  command.add_option("-w,--workdir", flags->workdir, "Working directory")->type_name("PATH");
  command.add_option("--stop-signal", flags->stop_signal, "How the program is told to stop")
      ->type_name("SIGNAL");
  AddMany(command, "-e,--env", &flags->env, "Variable, replaced where it is", "NAME=VALUE");
  AddMany(command, "-l,--label", &flags->labels, "Label", "NAME=VALUE");
  AddMany(command, "--exposed-ports", &flags->exposed_ports, "Ports, like 8080/tcp,53/udp",
          kListType);
  AddMany(command, "--volume", &flags->volumes, "Place for data of its own", "PATH");
  command.add_option("--health-cmd", flags->health_cmd, "How to ask whether it is well")
      ->type_name("COMMAND");
  command.add_option("--health-interval", flags->health_interval, "How often")
      ->type_name("DURATION");
  command.add_option("--health-timeout", flags->health_timeout, "How long an answer may take")
      ->type_name("DURATION");
  command
      .add_option("--health-start-period", flags->health_start_period,
                  "How long it may take to start")
      ->type_name("DURATION");
  command.add_option("--health-retries", flags->health_retries, "How often in a row it may fail")
      ->type_name("N");
  command.add_flag("--no-healthcheck", flags->no_healthcheck, "Switches the base's check off");
  command.add_flag("--unset-entrypoint", flags->unset_entrypoint, "Takes the entrypoint away");
  command.add_flag("--unset-cmd", flags->unset_cmd, "Takes the command away");
  command.add_flag("--unset-shell", flags->unset_shell, "Takes the shell away");
  command.add_flag("--unset-user", flags->unset_user, "Takes the user away");
  command.add_flag("--unset-workdir", flags->unset_workdir, "Takes the working directory away");
  command.add_flag("--unset-stop-signal", flags->unset_stop_signal, "Takes the stop signal away");
  command.add_flag("--unset-healthcheck", flags->unset_healthcheck, "Takes the health check away");
  AddMany(command, "--unset-env", &flags->unset_env, "Takes a variable away; * all", "NAME");
  AddMany(command, "--unset-label", &flags->unset_labels, "Takes a label away; * all", "NAME");
  AddMany(command, "--unset-exposed-port", &flags->unset_exposed_ports,
          "Takes a port away, as the image writes it; * all", "PORT");
  AddMany(command, "--unset-volume", &flags->unset_volumes, "Takes a volume away; * all", "PATH");
}

absl::StatusOr<std::vector<std::string>> ReadList(absl::string_view flag, absl::string_view text) {
  std::vector<std::string> items;
  if (!absl::StartsWith(text, "[")) {
    if (!text.empty()) items = absl::StrSplit(text, ',');
    return items;
  }
  ASSIGN_OR_RETURN(const nlohmann::json json, oci::ParseJson(text), flag);
  for (const nlohmann::json& item : json) {
    if (!item.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": item ", items.size(), " of the list is not a text"));
    }
    items.push_back(item.get<std::string>());
  }
  return items;
}

absl::StatusOr<std::map<std::string, std::string>> ReadPairs(
    absl::string_view flag, const std::vector<std::string>& values) {
  std::map<std::string, std::string> pairs;
  for (const std::string& value : values) {
    const size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " ", base::Quoted(value), " is not of the form NAME=VALUE"));
    }
    pairs[value.substr(0, equals)] = value.substr(equals + 1);
  }
  return pairs;
}

absl::StatusOr<int64_t> ReadTime(absl::string_view flag, absl::string_view text) {
  int64_t seconds = 0;
  absl::Time time;
  std::string error;
  const bool read = absl::SimpleAtoi(text, &seconds);
  if (!read && absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    seconds = absl::ToUnixSeconds(time);
  } else if (!read) {
    seconds = -1;
  }
  // Years with more than four digits are no RFC 3339.
  if (seconds >= 0 && seconds < 253402300800) return seconds;
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", base::Quoted(text),
                   " is neither seconds since 1970 nor a time like 2024-05-01T12:00:00Z"));
}

absl::StatusOr<oci::ConfigChanges> ReadRunFlags(const RunFlags& flags) {
  oci::ConfigChanges changes;
  if (flags.entrypoint.has_value()) {
    ASSIGN_OR_RETURN(changes.entrypoint, ReadList("--entrypoint", *flags.entrypoint));
  }
  if (flags.cmd.has_value()) {
    ASSIGN_OR_RETURN(changes.cmd, ReadList("--cmd", *flags.cmd));
  }
  if (flags.shell.has_value()) {
    ASSIGN_OR_RETURN(changes.shell, ReadList("--shell", *flags.shell));
  }
  changes.user = flags.user;
  changes.working_dir = flags.workdir;
  if (flags.workdir.has_value()) RETURN_IF_ERROR(CheckAbsolute("--workdir", *flags.workdir));
  changes.stop_signal = flags.stop_signal;
  // In the order of the command line.
  for (const std::string& item : flags.env) {
    ASSIGN_OR_RETURN(const auto pair, ReadPairs("--env", {item}));
    changes.env.emplace_back(pair.begin()->first, pair.begin()->second);
  }
  ASSIGN_OR_RETURN(changes.labels, ReadPairs("--label", flags.labels));
  for (const std::string& list : flags.exposed_ports) {
    ASSIGN_OR_RETURN(const std::vector<std::string> ports, ReadList("--exposed-ports", list));
    for (const std::string& port : ports) {
      RETURN_IF_ERROR(oci::CheckExposedPort(port), "--exposed-ports");
      changes.exposed_ports.push_back(port);
    }
  }
  for (const std::string& volume : flags.volumes) {
    RETURN_IF_ERROR(CheckAbsolute("--volume", volume));
    changes.volumes.push_back(volume);
  }
  RETURN_IF_ERROR(ReadHealthcheck(flags, &changes));
  RETURN_IF_ERROR(ReadRemovals(flags, &changes));
  return changes;
}

void AddResultFlags(CLI::App& command, ResultFlags* flags, bool with_repo) {
  command.add_option("-t,--tag", flags->tag, "Where the result goes; without it, by digest only")
      ->type_name("DESTINATION");
  command
      .add_option("-o,--tarball", flags->tarball,
                  "Writes the result into a file as `docker save` does")
      ->type_name("FILE");
  if (with_repo) {
    command.add_option("--repo", flags->repo, "Repository for the result, by digest only")
        ->type_name("REPOSITORY");
  }
}

absl::StatusOr<transfer::Endpoint> ResultPlace(const ResultFlags& flags,
                                               const std::optional<transfer::Endpoint>& source) {
  using transfer::EndpointKind;
  if (!flags.repo.empty() && (!flags.tag.empty() || !flags.tarball.empty())) {
    return Contradiction("--repo", flags.tag.empty() ? "--tarball" : "--tag");
  }
  if (!flags.tarball.empty()) {
    // The name inside the archive.
    std::string name = flags.tag;
    if (name.empty() && source.has_value() && source->kind == EndpointKind::kRegistry &&
        !source->reference.tag().empty()) {
      ASSIGN_OR_RETURN(const oci::Reference tagged,
                       source->reference.WithTag(source->reference.tag()));
      name = tagged.Familiar();
    }
    const bool is_endpoint = absl::StartsWith(flags.tarball, "docker-archive:") ||
                             absl::StartsWith(flags.tarball, "oci-archive:");
    if (is_endpoint && name.empty()) return transfer::ParseEndpoint(flags.tarball);
    const std::string file =
        is_endpoint ? flags.tarball : absl::StrCat("docker-archive:", flags.tarball);
    return transfer::ParseEndpoint(name.empty() ? file : absl::StrCat(file, ":", name));
  }
  if (!flags.tag.empty()) return transfer::ParseEndpoint(flags.tag);
  if (!flags.repo.empty()) {
    ASSIGN_OR_RETURN(const oci::Reference repository,
                     oci::Reference::Parse(flags.repo, {.tag = ""}), "--repo");
    if (!repository.tag().empty() || !repository.digest().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--repo ", base::Quoted(flags.repo),
                                                     " has a tag or digest; use --tag for that"));
    }
    return transfer::Endpoint{.kind = EndpointKind::kRegistry, .reference = repository};
  }
  const bool can_add = source.has_value() && (source->kind == EndpointKind::kRegistry ||
                                              source->kind == EndpointKind::kLayout);
  if (!can_add) {
    return absl::InvalidArgumentError("say where the result goes: --tag DESTINATION");
  }
  transfer::Endpoint place = *source;
  place.tag.clear();
  place.digest.reset();
  place.position.reset();
  if (place.kind == EndpointKind::kRegistry) {
    ASSIGN_OR_RETURN(place.reference, oci::Reference::Parse(source->reference.Name(), {.tag = ""}));
  }
  return place;
}

std::string ResultName(const transfer::Endpoint& place, const oci::Digest& digest) {
  if (place.kind == transfer::EndpointKind::kRegistry) {
    return place.reference.WithDigest(digest).Canonical();
  }
  transfer::Endpoint named = place;
  named.tag.clear();
  named.position.reset();
  named.digest = digest;
  return named.ToString();
}

}  // namespace stevedore::cli
