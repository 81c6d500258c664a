// How to run an image, while driver `native` executes a Dockerfile.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_CONFIG_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_CONFIG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "oci/image/image_config.h"

namespace stevedore::worker::native {

// HEALTHCHECK. Zero: the engine's default. A value.
struct HealthCheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...} or {"CMD-SHELL", text}.
  absl::Duration interval;
  absl::Duration timeout;
  absl::Duration start_period;
  absl::Duration start_interval;
  int64_t retries = 0;
};

// The `config` member of an image's config. A value.
struct RunConfig {
  std::vector<std::pair<std::string, std::string>> env;  // In order, names once.
  std::optional<std::vector<std::string>> cmd;
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> shell;
  std::string user;
  std::string working_dir;
  std::string stop_signal;
  std::map<std::string, std::string> labels;
  std::set<std::string> exposed_ports;
  std::set<std::string> volumes;
  std::vector<std::string> on_build;
  std::optional<HealthCheck> health;
  std::string further_json = "{}";  // Members that nothing here changes.

  // Errors as ImageConfig::Parse. Thread-safe.
  static absl::StatusOr<RunConfig> Of(const oci::ImageConfig& config);

  // Replaced where it is, or appended.
  void SetEnv(const std::string& name, const std::string& value);
  const std::string* FindEnv(absl::string_view name) const;
  // PATH as engines set it in images that have none.
  void AddDefaultPath();
  // What shell forms are run with.
  std::vector<std::string> ShellOrDefault() const;

  nlohmann::json ToJson() const;
};

// "8080", "8080/udp", "8000-8002/tcp" as the ports that they are ("8000/tcp", ...).
// INVALID_ARGUMENT for anything else. Thread-safe, as all here.
absl::StatusOr<std::vector<std::string>> ParsePorts(absl::string_view text);

// A signal by name or number ("SIGTERM", "TERM", "9", "RTMIN+3"); INVALID_ARGUMENT otherwise.
absl::Status CheckSignal(absl::string_view text);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_CONFIG_H_
