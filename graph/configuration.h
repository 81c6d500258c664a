// Settings of a project or user: where definitions are and what is done by default.

#ifndef STEVEDORE_GRAPH_CONFIGURATION_H_
#define STEVEDORE_GRAPH_CONFIGURATION_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "graph/registry_settings.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// Where settings come from: the process's surroundings as values, so that tests can make them up.
struct ConfigurationSources {
  // --config: this file and no other. Empty: the first stevedore.yaml or .yml of working directory,
  // HOME/.config/stevedore and HOME. None found is fine.
  std::string file;
  std::string working_directory = ".";
  std::string home;  // Empty: none.
  std::map<std::string, std::string> environment;
  // Unknown keys are warnings instead of errors.
  bool lenient = false;

  // Of this process.
  static ConfigurationSources FromProcess();
};

// What is done when a definition builds on one that has several instances.
enum class ParentInstances { kAll, kFirst };

// What relative paths in definitions are relative to.
enum class PathsRelativeTo { kWorkingDirectory, kFile };

// Images built at once where nothing is configured: the number of CPUs.
int DefaultConcurrency();

// Effective settings; environment beats file beats default. A value.
struct Configuration {
  // The file that was read; empty: none was found.
  std::string file;
  std::string images_path = "stevedore.yaml";
  std::string builders_path = "stevedore.yaml";
  // Images built at once; by default the number of CPUs.
  int concurrency = 1;
  bool push_images = false;
  std::string log_path;
  bool semantic_version_tags_enabled = false;
  std::vector<std::string> semantic_version_tags_templates = {
      "{{ .Major }}.{{ .Minor }}.{{ .Patch }}"};
  bool semantic_version_strict = false;
  ParentInstances parent_instances = ParentInstances::kAll;
  PathsRelativeTo paths_relative_to = PathsRelativeTo::kWorkingDirectory;

  // Of the credentials store of this project.
  std::string credentials_storage_type = "local";
  std::string credentials_local_storage_path = "credentials";
  std::string credentials_format = "json";
  base::Secret credentials_encryption_key;

  // By "host[:port]".
  std::map<std::string, RegistrySettings> registries;

  // Deprecated keys and whatever else the user should know.
  std::vector<Diagnostic> warnings;
  // Where the file sets what is in effect, by key: "images_path", "credentials.format".
  std::map<std::string, SourceLocation> set_at;

  // NOT_FOUND if `sources.file` is set but not there; INVALID_ARGUMENT, with file:line:column, for
  // a file that does not parse, unknown keys (nearest known one in the message) and values that are
  // not allowed. Thread-safe.
  static absl::StatusOr<Configuration> Load(const ConfigurationSources& sources);
  // Reads on behind every error: what is wrong has its default. Appends all errors in order of
  // place. Thread-safe.
  static Configuration Inspect(const ConfigurationSources& sources,
                               std::vector<Diagnostic>* errors);
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CONFIGURATION_H_
