// What a Catalog holds. Private to catalog and its loader.

#ifndef STEVEDORE_GRAPH_CATALOG_CONTENT_H_
#define STEVEDORE_GRAPH_CATALOG_CONTENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "graph/catalog.h"
#include "graph/definition.h"
#include "graph/image_renderer.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {

// Everything by index; maps only lead from names to indices. Immutable once loaded.
struct Catalog::Content {
  Configuration configuration;
  CatalogOptions options;
  std::vector<Diagnostic> warnings;
  std::vector<std::string> files;

  std::vector<std::unique_ptr<YamlDocument>> documents;
  std::vector<ImageDefinition> definitions;
  absl::flat_hash_map<std::string, int> definition_by_id;
  std::vector<std::vector<int>> definition_parents;
  std::vector<std::vector<Index>> definition_instances;

  BuilderMap global_builders;
  std::vector<std::shared_ptr<const Builder>> builders;

  std::vector<ImageInstance> instances;
  std::vector<ImageInstance> wildcard_instances;
  absl::flat_hash_map<std::string, Index> instance_by_id;
  absl::flat_hash_map<std::string, Index> instance_by_tag;  // "name:tag".
  absl::flat_hash_map<std::string, std::vector<Index>> instances_by_name;
  std::vector<Index> roots;
  std::vector<Index> topological_order;
};

// The instance that "name:version" means for another image: an id, or a definition with one
// instance. INVALID_ARGUMENT, without a place, if there is none or more than one. Thread-safe.
absl::StatusOr<Catalog::Index> FindForLayers(const Catalog::Content& content,
                                             const std::string& name_and_version);

// Replaces the texts by which `instance` names images in its layers by their ids, where they
// differ.
void PinLayerImages(const absl::flat_hash_map<std::string, std::string>& id_by_text,
                    ImageInstance* instance);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CATALOG_CONTENT_H_
