// Flags that say what to build and how: shared by build, submit and plan.

#ifndef STEVEDORE_CLI_BUILD_FLAGS_H_
#define STEVEDORE_CLI_BUILD_FLAGS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/console.h"
#include "graph/configuration.h"
#include "graph/selection.h"

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// Which parents outside the selection are built along.
enum class BuildParents { kAuto, kAlways, kNever };

// Values of the flags as they were typed. Lists still hold commas.
struct BuildFlags {
  std::vector<std::string> names;
  std::vector<std::string> image_versions;
  bool cascade = false;
  int cascade_depth = -1;
  std::vector<std::string> tags;
  std::vector<std::string> labels;
  std::vector<std::string> persistent_labels;
  std::vector<std::string> variables;
  std::vector<std::string> persistent_variables;
  std::optional<std::string> image_name;
  std::optional<std::string> image_registry_host;
  std::optional<std::string> image_registry_namespace;
  std::optional<std::string> image_from_name;
  std::optional<std::string> image_from_version;
  std::optional<std::string> image_from_registry;
  std::optional<std::string> image_from_namespace;
  bool enable_semver_tags = false;
  std::vector<std::string> semver_templates;
  std::string build_parents = "auto";
  std::string changed_since;  // Empty: not given.
  bool changed_since_given = false;
  std::vector<std::string> platforms;
  std::vector<std::string> insecure_registries;
  bool pull_parent_image = false;
  bool remove_local_images = false;
  bool docker_normalized_name = false;
  graph::AnsibleOverrides ansible;

  bool push_after_build = false;
  bool push_after_build_given = false;
  int concurrency = 0;  // 0: as configured.
  bool no_cache = false;
  bool dry_run = false;
  std::string progress = "auto";
  bool logs = false;
  std::string metadata_file;

  // Deprecated spellings and flags without effect that were used, as warnings to print.
  std::vector<std::string> notices;
};

// Enters the flags that select images and change them; `flags` must outlive the parse.
void AddSelectionFlags(CLI::App& command, BuildFlags& flags);
// Enters the flags about running a build (push, concurrency, progress, ...), deprecated spellings
// of all included.
void AddRunFlags(CLI::App& command, BuildFlags& flags);

// `--variable` and `--persistent-variable` together, as templates see them. INVALID_ARGUMENT for an
// item that is not KEY=VALUE.
absl::StatusOr<std::map<std::string, std::string>> TemplateVariables(const BuildFlags& flags);

// The request that the flags make. INVALID_ARGUMENT, naming the flag, for values that are wrong,
// and when there is neither a name nor `--changed-since`.
absl::StatusOr<graph::SelectionRequest> ReadSelectionRequest(
    const BuildFlags& flags, const graph::Configuration& configuration);

// Parses `--build-parents`; INVALID_ARGUMENT names the choices.
absl::StatusOr<BuildParents> ReadBuildParents(const BuildFlags& flags);

// Whether tags move: `--push-after-build[=false]` wins over `push_images` of the configuration.
bool PushWanted(const BuildFlags& flags, const graph::Configuration& configuration);

// Prints `flags.notices` as warnings.
void PrintNotices(Console& console, const BuildFlags& flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_BUILD_FLAGS_H_
