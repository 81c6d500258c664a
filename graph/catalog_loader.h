// From files to a checked catalog. Private to catalog.

#ifndef STEVEDORE_GRAPH_CATALOG_LOADER_H_
#define STEVEDORE_GRAPH_CATALOG_LOADER_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "graph/catalog.h"
#include "graph/catalog_content.h"
#include "graph/findings.h"
#include "graph/image_renderer.h"
#include "graph/plan.h"

namespace stevedore::graph {

// Loads once. Every step goes over the definitions (or instances) and their edges once. Not
// thread-safe.
class CatalogLoader {
 public:
  CatalogLoader(const Configuration& configuration, const CatalogOptions& options);

  // As Catalog::Parse.
  absl::StatusOr<std::unique_ptr<Catalog::Content>> Load(
      const std::vector<DefinitionFile>& images, const std::vector<DefinitionFile>& builders);
  // As Catalog::InspectFiles. Never null; what is wrong is in findings().
  std::unique_ptr<Catalog::Content> Inspect(const std::vector<DefinitionFile>& images,
                                            const std::vector<DefinitionFile>& builders);
  const Findings& findings() const { return findings_; }

 private:
  void ReadFiles(const std::vector<DefinitionFile>& images,
                 const std::vector<DefinitionFile>& builders);
  void ReadBuilders(const YamlDocument& document);
  // Later ones of the same definition are dropped.
  void IndexDefinitions();
  // Turns parents and children into edges, whichever side names them.
  void LinkDefinitions();
  void CheckWildcards(int definition);
  int FindLinked(const DefinitionLink& link, const std::string& says);
  std::string Suggestion(const std::string& name, const std::string& version);
  // Parents before children.
  std::vector<int> OrderDefinitions();
  // One instance per instance of each parent.
  void RenderDefinition(int definition);
  void RenderInstance(int definition, Catalog::Index base, const ImageInstance* stand_in);
  ImageRenderer& RendererOfAll();
  // An image in place of one that is not there.
  const ImageInstance& StandIn(const std::string& name, const std::string& version);
  void ReportConflict(const ImageInstance& first, const ImageInstance& second);
  void SortInstances();
  // Makes images whose layers are taken parents.
  void LinkLayers();
  void OrderInstances();
  void TakeOrder(const Plan& plan);
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
  // In place of parents that are not defined, of each definition; so that its other errors show.
  absl::flat_hash_map<int, std::vector<const DefinitionLink*>> missing_parents_;
  std::deque<ImageInstance> stand_ins_;
  // Ids of instances that have holes.
  absl::flat_hash_set<std::string> broken_images_;
  // Of each instance: "name:version" and where it says so.
  std::vector<std::vector<std::pair<std::string, SourceLocation>>> layer_images_;
  int suggestions_ = 0;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CATALOG_LOADER_H_
