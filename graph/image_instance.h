// One concrete image of a catalog: a definition rendered against one parent.

#ifndef STEVEDORE_GRAPH_IMAGE_INSTANCE_H_
#define STEVEDORE_GRAPH_IMAGE_INSTANCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "graph/resolved_image.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// A builder as definitions describe it, ready to use. A value.
struct Builder {
  // Global: the map key or its `name`; in place: "name:version" of the image.
  std::string name;
  // Empty for an image without builder.
  std::string driver;
  // True for one that is written inside an image definition.
  bool in_place = false;
  // Canonical JSON object without `context`.
  std::string options_json = "{}";
  std::vector<ContextSpec> contexts;
  // Every mapping key to the argument name it stands for: defaults with the user's names over them;
  // an empty name is not passed.
  std::map<std::string, std::string> variables_mapping;
  SourceLocation where;
};

// One image of a catalog, fully rendered. Indices point into Catalog::instances(). A value.
struct ImageInstance {
  using Index = int32_t;

  // "DEFINITION NAME:RENDERED VERSION", unique; `+` is `_` in it.
  std::string id;
  std::string definition_name;
  std::string definition_version;

  // Parts of the reference. `version` is as rendered: see VersionTag for the tag.
  std::string registry;
  std::string name_space;
  std::string name;
  std::string version;
  // Extra tags of the definition, as rendered.
  std::vector<std::string> tags;

  std::map<std::string, std::string> persistent_vars;  // Inherited ones included.
  std::map<std::string, std::string> vars;
  std::map<std::string, std::string> persistent_labels;  // Inherited ones included.
  std::map<std::string, std::string> labels;
  // "var NAME", "persistent_var NAME", "label NAME", "persistent_label NAME", "version": made from
  // dates.
  std::set<std::string> volatile_values;
  // "var NAME", "persistent_var NAME" to JSON: values that are more than a text. Their texts are in
  // `vars` and `persistent_vars` too: `3`, `true`, JSON for lists and maps.
  std::map<std::string, std::string> typed_values;

  // Ids instead of indices only where an instance is not part of a catalog yet. parents[0] is the
  // base if `has_base`; others contribute layers. Each once.
  std::vector<Index> parents;
  bool has_base = false;
  std::vector<Index> children;  // Ascending.

  std::vector<std::string> platforms;
  // The definition says `platforms`; else they are this host's.
  bool names_platforms = false;
  // Options in it are rendered for this instance; shared by all instances of a global builder.
  std::shared_ptr<const Builder> builder;
  SourceLocation where;

  // The version as a tag: `+` is `_`.
  std::string VersionTag() const;
  // "[registry/][namespace/]name:version".
  std::string Reference() const;
  // "[registry/][namespace/]name:" + `tag`.
  std::string ReferenceWithTag(const std::string& tag) const;
  // False for images that are made elsewhere.
  bool has_builder() const { return builder != nullptr && !builder->driver.empty(); }
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMAGE_INSTANCE_H_
