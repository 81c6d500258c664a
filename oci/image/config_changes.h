// What can be changed about how an image is run.

#ifndef STEVEDORE_OCI_IMAGE_CONFIG_CHANGES_H_
#define STEVEDORE_OCI_IMAGE_CONFIG_CHANGES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace stevedore::oci {

// How a container is asked whether it is well. Times in nanoseconds; 0: the engine's default.
struct Healthcheck {
  // {"NONE"}, {"CMD", program, argument...} or {"CMD-SHELL", command}.
  std::vector<std::string> test;
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  int64_t start_period_ns = 0;
  int64_t retries = 0;
};

// The members of a config's `config`, for taking them away.
enum class RunMember : uint8_t {
  kEntrypoint,
  kCmd,
  kEnv,
  kUser,
  kWorkingDir,
  kStopSignal,
  kLabels,
  kExposedPorts,
  kVolumes,
  kHealthcheck,
  kShell,
  kOnBuild,
};

// The name in the config: "WorkingDir".
absl::string_view RunMemberName(RunMember member);

// What to change in the `config` member of an image's config; what is not set stays as it is.
// Removals come first, so that a member can be replaced as a whole.
struct ConfigChanges {
  // An empty list is not the same as no list: it overrides what an engine would take otherwise.
  // Setting an entrypoint clears an inherited cmd unless `cmd` is set too: it belonged to the old
  // entrypoint.
  std::optional<std::vector<std::string>> entrypoint = std::nullopt;
  std::optional<std::vector<std::string>> cmd = std::nullopt;
  // Known keys are replaced where they are, new ones appended in this order.
  std::vector<std::pair<std::string, std::string>> env = {};
  std::optional<std::string> user = std::nullopt;
  std::optional<std::string> working_dir = std::nullopt;
  std::optional<std::string> stop_signal = std::nullopt;
  std::map<std::string, std::string> labels = {};  // Merged.
  std::vector<std::string> exposed_ports = {};     // "8080/tcp"; added.
  std::vector<std::string> volumes = {};           // Added.
  std::optional<Healthcheck> healthcheck = std::nullopt;
  std::optional<std::vector<std::string>> shell = std::nullopt;
  std::vector<std::string> on_build = {};  // Appended.

  // Members that are taken away; afterwards the config does not have them.
  std::vector<RunMember> unset = {};
  // Single items by name. Missing ones are fine; a member that becomes empty goes.
  std::vector<std::string> unset_env = {};
  std::vector<std::string> unset_labels = {};
  std::vector<std::string> unset_exposed_ports = {};
  std::vector<std::string> unset_volumes = {};

  // True if nothing would change.
  bool empty() const;
};

// Changes `run`, an object, in place: members and items that nobody asked about stay, known or not.
// Thread-safe for different objects.
void ApplyChanges(const ConfigChanges& changes, nlohmann::json& run);

// OK for "8080", "8080/tcp", "53/udp", "3868/sctp" and ranges of ports ("8000-8010/tcp");
// INVALID_ARGUMENT, with the rule, otherwise. Thread-safe.
absl::Status CheckExposedPort(absl::string_view port);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_CONFIG_CHANGES_H_
