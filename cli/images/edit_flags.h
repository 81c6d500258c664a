// Flags of the commands that change images.

#ifndef STEVEDORE_CLI_IMAGES_EDIT_FLAGS_H_
#define STEVEDORE_CLI_IMAGES_EDIT_FLAGS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/config_changes.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "transfer/endpoint.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Flags about how an image is run; as typed.
struct RunFlags {
  std::optional<std::string> entrypoint;
  std::optional<std::string> cmd;
  std::optional<std::string> shell;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  std::optional<std::string> stop_signal;
  std::vector<std::string> env;
  std::vector<std::string> labels;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> volumes;

  std::optional<std::string> health_cmd;
  std::string health_interval;
  std::string health_timeout;
  std::string health_start_period;
  int64_t health_retries = 0;
  bool no_healthcheck = false;

  bool unset_entrypoint = false;
  bool unset_cmd = false;
  bool unset_shell = false;
  bool unset_user = false;
  bool unset_workdir = false;
  bool unset_stop_signal = false;
  bool unset_healthcheck = false;
  std::vector<std::string> unset_env;
  std::vector<std::string> unset_labels;
  std::vector<std::string> unset_exposed_ports;
  std::vector<std::string> unset_volumes;
};

// Enters the flags above. `flags` must outlive the parse.
void AddRunFlags(CLI::App& command, RunFlags* flags);

// What they ask for. A list is JSON (`["/bin/sh", "-c"]`) or its items with commas between them; to
// unset `*` is to unset all. INVALID_ARGUMENT, naming the flag, for what is malformed or
// contradicts itself. Thread-safe, as all below.
absl::StatusOr<oci::ConfigChanges> ReadRunFlags(const RunFlags& flags);

// `values` of `flag`, each "NAME=VALUE". INVALID_ARGUMENT for one without a name or `=`.
absl::StatusOr<std::map<std::string, std::string>> ReadPairs(
    absl::string_view flag, const std::vector<std::string>& values);

// A list as above. INVALID_ARGUMENT, naming the flag.
absl::StatusOr<std::vector<std::string>> ReadList(absl::string_view flag, absl::string_view text);

// Seconds since 1970 (not negative), or a time of RFC 3339. INVALID_ARGUMENT otherwise.
absl::StatusOr<int64_t> ReadTime(absl::string_view flag, absl::string_view text);

// Flags about where the result goes.
struct ResultFlags {
  std::string tag;      // Any endpoint.
  std::string repo;     // Repository of a registry: by digest.
  std::string tarball;  // File, or an archive's endpoint.
};

// Enters `-t/--tag`, `-o/--tarball` and, if `with_repo`, `--repo`.
void AddResultFlags(CLI::App& command, ResultFlags* flags, bool with_repo);

// Where the result goes: what the flags say, else beside `source` under its digest.
// INVALID_ARGUMENT if flags contradict each other, or `source` is nothing that can be added to.
absl::StatusOr<transfer::Endpoint> ResultPlace(const ResultFlags& flags,
                                               const std::optional<transfer::Endpoint>& source);

// How a result at `place` is called: "localhost:5000/app@sha256:…", "oci:dir@sha256:…".
std::string ResultName(const transfer::Endpoint& place, const oci::Digest& digest);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_EDIT_FLAGS_H_
