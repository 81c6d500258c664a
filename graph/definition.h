// What files say about images, before any template is rendered.

#ifndef STEVEDORE_GRAPH_DEFINITION_H_
#define STEVEDORE_GRAPH_DEFINITION_H_

#include <memory>
#include <string>
#include <vector>

#include "graph/findings.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {

// The version key of a definition that stands for any version.
inline constexpr char kWildcard[] = "*";

// The mention of another definition. A value.
struct DefinitionLink {
  std::string name;
  std::string version;
  const YamlNode* node = nullptr;  // For messages.
};

// One entry `images.NAME.VERSION`. Nodes belong to the document that it was read from; null if the
// field is not given. A value.
struct ImageDefinition {
  std::string name;
  std::string version;
  const YamlNode* key = nullptr;  // Of the version.

  const YamlNode* name_field = nullptr;
  const YamlNode* version_field = nullptr;
  const YamlNode* registry = nullptr;
  const YamlNode* name_space = nullptr;
  const YamlNode* tags = nullptr;
  const YamlNode* labels = nullptr;
  const YamlNode* persistent_labels = nullptr;
  const YamlNode* vars = nullptr;
  const YamlNode* persistent_vars = nullptr;
  const YamlNode* builder = nullptr;
  const YamlNode* platforms = nullptr;
  std::vector<DefinitionLink> parents;
  std::vector<DefinitionLink> children;

  bool is_wildcard() const { return version == kWildcard; }
  std::string id() const { return name + ":" + version; }
};

// Appends what `images` and `images_tree` of `document` define. Unreadable parts are reported and
// left out.
void ReadImageDefinitions(const YamlDocument& document, Findings* findings,
                          std::vector<ImageDefinition>* definitions);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_DEFINITION_H_
