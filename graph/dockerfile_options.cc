#include "graph/dockerfile_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "graph/option_json.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

constexpr Key kKeys[] = {
    {.name = "dockerfile",
     .description = "path in the merged context",
     .default_value = "Dockerfile"},
    {.name = "target", .description = "stage to build; default: the last"},
    {.name = "pull",
     .type = KeyType::kBool,
     .description = "look for newer versions of images in FROM that are no parents",
     .default_value = "false"},
    {.name = "no_cache",
     .type = KeyType::kBool,
     .description = "run every step again",
     .default_value = "false"},
    {.name = "network", .description = "of RUN: none, host, default or the name of a network"},
    {.name = "cache_from",
     .type = KeyType::kTexts,
     .description = "images whose steps may be taken over"},
    {.name = "extra_hosts",
     .type = KeyType::kTextsOrMap,
     .description = "host:ip, for /etc/hosts of RUN"},
    {.name = "memory", .description = "limit of RUN, such as 512m"},
    {.name = "cpus", .type = KeyType::kNumber, .description = "cores for RUN, such as 1.5"},
    {.name = "cpu_shares",
     .type = KeyType::kCount,
     .description = "weight of RUN among other containers"},
    {.name = "shm_size", .description = "size of /dev/shm in RUN, such as 64m"},
    {.name = "ulimits",
     .type = KeyType::kAny,
     .description = "limits of RUN: nofile=1024:4096, or {nofile: {soft: 1024, hard: 4096}}"},
    {.name = "timeout", .description = "the build fails if it takes longer, such as 30m"},
    {.name = "compression",
     .description = "gzip, gzip:fast, gzip:balanced, gzip:small, zstd, zstd:1 to zstd:19 or none",
     .default_value = "gzip"},
    {.name = "keep_image",
     .type = KeyType::kBool,
     .description = "leave the image in the engine (drivers with an engine)",
     .default_value = "false"},
};
constexpr KeyTable kTable{"options of a Dockerfile driver", kKeys, ""};

// As the engine knows them.
constexpr absl::string_view kUlimits[] = {"core",    "cpu",      "data",   "fsize",      "locks",
                                          "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                          "rss",     "rtprio",   "rttime", "sigpending", "stack"};
// Less and the engine refuses to start containers.
constexpr uint64_t kLeastMemoryBytes = 6 << 20;
constexpr double kMostCpus = 4096;
// Linux's own bounds.
constexpr int64_t kLeastCpuShares = 2;
constexpr int64_t kMostCpuShares = 262'144;

// Reads member `name` of `json` with `read`, if it is there and not null.
template <typename T, typename Read>
absl::Status Take(const Json& json, absl::string_view name, T* out, Read read) {
  const auto found = json.find(std::string(name));
  if (found == json.end() || found->is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*out, read(name, *found));
  return absl::OkStatus();
}

absl::StatusOr<double> Cpus(absl::string_view member, const Json& json) {
  double cpus = 0;
  ASSIGN_OR_RETURN(const std::string text, OptionText(member, json));
  if (text.find_first_not_of("0123456789.") != std::string::npos ||
      !absl::SimpleAtod(text, &cpus) || cpus < 0.01 || cpus > kMostCpus) {
    return WrongOption(member, "a number of cores from 0.01 to 4096, such as 1.5", json);
  }
  return cpus;
}

absl::StatusOr<uint64_t> Memory(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(const uint64_t bytes, OptionBytes(member, json));
  if (bytes < kLeastMemoryBytes) {
    return WrongOption(member, "6m or more, as engines start no container with less", json);
  }
  return bytes;
}

absl::StatusOr<uint64_t> SharedMemory(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(const uint64_t bytes, OptionBytes(member, json));
  if (bytes == 0) return WrongOption(member, "above zero", json);
  return bytes;
}

// A list of "host:ip" or a map {host: ip}. An IPv6 address may stand in brackets.
absl::StatusOr<std::vector<std::string>> ExtraHosts(absl::string_view member, const Json& json) {
  std::vector<std::string> hosts;
  if (json.is_object()) {
    for (const auto& [host, address] : json.items()) {
      ASSIGN_OR_RETURN(const std::string ip, OptionText(absl::StrCat(member, ".", host), address));
      hosts.push_back(absl::StrCat(host, ":", ip));
    }
  } else {
    ASSIGN_OR_RETURN(hosts, OptionTexts(member, json));
  }
  for (size_t i = 0; i < hosts.size(); ++i) {
    std::pair<std::string, std::string> parts = absl::StrSplit(hosts[i], absl::MaxSplits(':', 1));
    absl::string_view ip = parts.second;
    if (absl::ConsumePrefix(&ip, "[")) absl::ConsumeSuffix(&ip, "]");
    const bool address =
        ip == "host-gateway" || (!ip.empty() && ip.find_first_not_of("0123456789abcdefABCDEF.:") ==
                                                    absl::string_view::npos);
    if (parts.first.empty() || parts.first.find_first_of(" \t/") != std::string::npos || !address) {
      return WrongOption(absl::StrCat(member, "[", i, "]"), "\"host:ip\", such as \"db:10.0.0.5\"",
                         Json(hosts[i]));
    }
    hosts[i] = absl::StrCat(parts.first, ":", ip);
  }
  return hosts;
}

absl::StatusOr<int64_t> UlimitValue(absl::string_view member, const Json& json) {
  if (json.is_string() && json.get_ref<const std::string&>() == "unlimited") return -1;
  return OptionInteger(member, json, -1, INT64_MAX);
}

// "nofile=1024:4096" as the engine's command line has it.
absl::StatusOr<Ulimit> UlimitOfText(absl::string_view member, const Json& json) {
  constexpr absl::string_view kForm =
      "\"name=soft\" or \"name=soft:hard\", such as "
      "\"nofile=1024:4096\"";
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(json.get_ref<const std::string&>(), absl::MaxSplits('=', 1));
  const std::vector<std::string> values = absl::StrSplit(parts.second, ':');
  if (parts.second.empty() || values.size() > 2) return WrongOption(member, kForm, json);
  Ulimit limit{.name = parts.first};
  ASSIGN_OR_RETURN(limit.soft, UlimitValue(member, Json(values.front())));
  ASSIGN_OR_RETURN(limit.hard, UlimitValue(member, Json(values.back())));
  return limit;
}

// `nofile: 1024` or `nofile: {soft: 1024, hard: 4096}`.
absl::StatusOr<Ulimit> UlimitOfMember(absl::string_view member, const std::string& name,
                                      const Json& json) {
  Ulimit limit{.name = name};
  if (!json.is_object()) {
    ASSIGN_OR_RETURN(limit.soft, UlimitValue(member, json));
    limit.hard = limit.soft;
    return limit;
  }
  RETURN_IF_ERROR(CheckOptionMembers(member, json, {"soft", "hard"}));
  if (!json.contains("soft")) {
    return WrongOption(member, "a number or {soft: NUMBER, hard: NUMBER}", json);
  }
  ASSIGN_OR_RETURN(limit.soft, UlimitValue(absl::StrCat(member, ".soft"), json.at("soft")));
  limit.hard = limit.soft;
  if (json.contains("hard")) {
    ASSIGN_OR_RETURN(limit.hard, UlimitValue(absl::StrCat(member, ".hard"), json.at("hard")));
  }
  return limit;
}

absl::StatusOr<std::vector<Ulimit>> Ulimits(absl::string_view member, const Json& json) {
  std::vector<Ulimit> limits;
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      ASSIGN_OR_RETURN(Ulimit limit, UlimitOfMember(absl::StrCat(member, ".", name), name, value));
      limits.push_back(std::move(limit));
    }
  } else if (json.is_array()) {
    for (size_t i = 0; i < json.size(); ++i) {
      const std::string place = absl::StrCat(member, "[", i, "]");
      if (!json[i].is_string()) {
        return WrongOption(place, "a text such as \"nofile=1024:4096\"", json[i]);
      }
      ASSIGN_OR_RETURN(Ulimit limit, UlimitOfText(place, json[i]));
      limits.push_back(std::move(limit));
    }
  } else {
    return WrongOption(member, "a list such as [\"nofile=1024:4096\"] or a map of names", json);
  }
  for (const Ulimit& limit : limits) {
    if (std::find(std::begin(kUlimits), std::end(kUlimits), limit.name) == std::end(kUlimits)) {
      return WrongOption(member, absl::StrCat("limits of ", absl::StrJoin(kUlimits, ", ")),
                         Json(limit.name));
    }
    const bool above = limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0);
    if (above) {
      return WrongOption(absl::StrCat(member, " (", limit.name, ")"),
                         absl::StrCat("a soft limit that is not above the hard one, ", limit.hard),
                         Json(limit.soft));
    }
  }
  return limits;
}

absl::StatusOr<std::string> CompressionName(absl::string_view member, const Json& json) {
  ASSIGN_OR_RETURN(std::string text, OptionText(member, json));
  absl::string_view rest = text;
  int level = 0;
  if (absl::ConsumePrefix(&rest, "zstd:") && absl::SimpleAtoi(rest, &level) && level >= 1 &&
      level <= 19) {
    return text;
  }
  for (absl::string_view known :
       {"gzip", "gzip:fast", "gzip:balanced", "gzip:small", "zstd", "none"}) {
    if (text == known) return text;
  }
  return WrongOption(
      member, "gzip, gzip:fast, gzip:balanced, gzip:small, zstd, zstd:1 to zstd:19 or none", json);
}

absl::Status TakeLimits(const Json& json, DockerfileOptions* options) {
  RETURN_IF_ERROR(Take(json, "memory", &options->memory_bytes, Memory));
  RETURN_IF_ERROR(Take(json, "cpus", &options->cpus, Cpus));
  RETURN_IF_ERROR(Take(json, "cpu_shares", &options->cpu_shares,
                       [](absl::string_view member, const Json& value) {
                         return OptionInteger(member, value, kLeastCpuShares, kMostCpuShares);
                       }));
  RETURN_IF_ERROR(Take(json, "shm_size", &options->shm_bytes, SharedMemory));
  RETURN_IF_ERROR(Take(json, "ulimits", &options->ulimits, Ulimits));
  return Take(json, "timeout", &options->timeout, OptionDuration);
}

}  // namespace

const KeyTable& DockerfileOptionKeys() { return kTable; }

absl::StatusOr<DockerfileOptions> DockerfileOptions::Parse(
    absl::string_view options_json, absl::Span<const absl::string_view> further) {
  ASSIGN_OR_RETURN(const Json json, ParseOptionsObject(options_json));
  std::vector<absl::string_view> known = kTable.Names();
  known.insert(known.end(), further.begin(), further.end());
  std::sort(known.begin(), known.end());
  RETURN_IF_ERROR(CheckOptionMembers("", json, known));
  DockerfileOptions options;
  RETURN_IF_ERROR(Take(json, "dockerfile", &options.dockerfile, OptionContextPath));
  RETURN_IF_ERROR(Take(json, "target", &options.target, OptionText));
  RETURN_IF_ERROR(Take(json, "pull", &options.pull, OptionBool));
  RETURN_IF_ERROR(Take(json, "no_cache", &options.no_cache, OptionBool));
  RETURN_IF_ERROR(Take(json, "network", &options.network, OptionText));
  RETURN_IF_ERROR(Take(json, "cache_from", &options.cache_from, OptionTexts));
  RETURN_IF_ERROR(Take(json, "extra_hosts", &options.extra_hosts, ExtraHosts));
  RETURN_IF_ERROR(TakeLimits(json, &options));
  RETURN_IF_ERROR(Take(json, "compression", &options.compression, CompressionName));
  RETURN_IF_ERROR(Take(json, "keep_image", &options.keep_image, OptionBool));
  return options;
}

}  // namespace stevedore::graph
