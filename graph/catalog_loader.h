// From files to a checked catalog. Private to catalog.

#ifndef STEVEDORE_GRAPH_CATALOG_LOADER_H_
#define STEVEDORE_GRAPH_CATALOG_LOADER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/catalog.h"
#include "graph/catalog_content.h"
#include "graph/findings.h"
#include "graph/image_renderer.h"

namespace stevedore::graph {

// Loads once. Every step goes over the definitions (or instances) and their edges once. Not
// thread-safe.
class CatalogLoader {
 public:
  CatalogLoader(const Configuration& configuration, const CatalogOptions& options);

  // As Catalog::Parse.
  absl::StatusOr<std::unique_ptr<Catalog::Content>> Load(
      const std::vector<DefinitionFile>& images, const std::vector<DefinitionFile>& builders);

 private:
  void ReadBuilders(const YamlDocument& document);
  absl::Status IndexDefinitions();
  // Turns parents and children into edges, whichever side names them.
  void LinkDefinitions();
  void CheckWildcards(int definition);
  int FindLinked(const DefinitionLink& link, const std::string& says);
  std::string Suggestion(const std::string& name, const std::string& version);
  // Parents before children.
  absl::StatusOr<std::vector<int>> OrderDefinitions();
  // One instance per instance of each parent.
  void RenderDefinition(int definition);
  void RenderInstance(int definition, Catalog::Index base);
  void ReportConflict(const ImageInstance& first, const ImageInstance& second);
  void SortInstances();
  // Makes images whose layers are taken parents.
  void LinkLayers();
  absl::Status OrderInstances();
  void IndexInstances();
  // Definitions whose version key finds another image.
  void WarnAboutHiddenDefinitions();
  // `order` has the indices of definitions, parents first. Checks what is known without a version.
  void RenderWildcards(const std::vector<int>& order);
  void SortBuilders();

  std::unique_ptr<Catalog::Content> content_;
  Findings findings_;
  std::unique_ptr<ImageRenderer> renderer_;
  absl::flat_hash_set<std::string> broken_builders_;
  // Of each instance: "name:version" and where it says so.
  std::vector<std::vector<std::pair<std::string, SourceLocation>>> layer_images_;
  int suggestions_ = 0;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CATALOG_LOADER_H_
