// Builders, global or in place, read and checked.

#ifndef STEVEDORE_GRAPH_BUILDER_READER_H_
#define STEVEDORE_GRAPH_BUILDER_READER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/configuration.h"
#include "graph/findings.h"
#include "graph/image_instance.h"
#include "graph/renderer.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {

// In `build_contexts`, in front of "NAME:VERSION": another image of the catalog.
inline constexpr char kTargetPrefix[] = "target:";

// A builder and what it says about other images. A value.
struct ReadBuilder {
  Builder builder;
  // "name:version" of images whose layers it takes or that are its contexts, with their places.
  std::vector<std::pair<std::string, SourceLocation>> layer_images;
  // Something in it was reported; what is left may have holes.
  bool broken = false;
};

// The mapping of automatic values to argument names when a definition says nothing.
const std::map<std::string, std::string>& DefaultVariablesMapping();

// Reads the body of a builder named `name`. Everything that is wrong in it goes to `findings`.
ReadBuilder ReadBuilderNode(const YamlNode& node, const std::string& name, bool in_place,
                            Renderer* renderer, PathsRelativeTo paths_relative_to,
                            Findings* findings);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_BUILDER_READER_H_
