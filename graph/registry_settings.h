// Settings of registries, as users write them below `registries`.

#ifndef STEVEDORE_GRAPH_REGISTRY_SETTINGS_H_
#define STEVEDORE_GRAPH_REGISTRY_SETTINGS_H_

#include <map>
#include <string>
#include <vector>

#include "graph/findings.h"
#include "graph/source_location.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {

// What is said about one registry. A value.
struct RegistrySettings {
  std::vector<std::string> mirrors = {};  // "host[:port][/path]".
  // Files, relative to the working directory.
  std::string ca_file = "";
  std::string client_certificate_file = "";
  std::string client_key_file = "";
  bool insecure = false;
  bool blocked = false;
  std::vector<std::string> token_hosts = {};  // "host".
  SourceLocation where = {};                  // Of its name.
};

// Reads the map `registries`: by "host[:port]". What is wrong goes to `findings` and is left out.
// Thread-safe, as far as `findings` is.
std::map<std::string, RegistrySettings> ReadRegistries(const YamlNode& registries,
                                                       Findings* findings);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_REGISTRY_SETTINGS_H_
