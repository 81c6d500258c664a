// One definition and one parent make one image.

#ifndef STEVEDORE_GRAPH_IMAGE_RENDERER_H_
#define STEVEDORE_GRAPH_IMAGE_RENDERER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "graph/builder_reader.h"
#include "graph/catalog.h"
#include "graph/definition.h"
#include "graph/findings.h"
#include "graph/image_instance.h"
#include "graph/renderer.h"

namespace stevedore::graph {

// Global builders by name.
using BuilderMap = absl::flat_hash_map<std::string, std::shared_ptr<const ReadBuilder>>;

// An image, and what is still to be looked up when all images are known.
struct RenderedImage {
  ImageInstance instance;
  // Ids of images whose layers it takes, with their places.
  std::vector<std::pair<std::string, SourceLocation>> layer_images;
  // Something in it was reported; what is left may have holes.
  bool broken = false;
};

// Renders definitions. Not thread-safe.
class ImageRenderer {
 public:
  // `builders` must outlive the renderer.
  ImageRenderer(const Configuration& configuration, const CatalogOptions& options,
                const BuilderMap* builders);

  // Names of builders that were reported already; must outlive the renderer.
  void set_broken_builders(const absl::flat_hash_set<std::string>* names) {
    broken_builders_ = names;
  }

  // Gives the parent of an instance, null at the root: for `.Parent.Parent`.
  using ParentOf = std::function<const ImageInstance*(const ImageInstance&)>;

  // `version` is what `.Version` shows: the definition's, or the requested one for wildcards.
  // `base` is null for images without parent. parents, children and has_base of the instance are
  // the caller's. Everything that is wrong goes to `findings`.
  RenderedImage Render(const ImageDefinition& definition, const std::string& version,
                       const ImageInstance* base, const ParentOf& parent_of, Findings* findings);

 private:
  struct Scope;
  void RenderPlace(const ImageDefinition& definition, const std::string& version, Scope& scope,
                   ImageInstance& image);
  // One value of vars or labels.
  struct MapValue {
    std::string text;
    std::string json;  // Empty: a text and nothing more.
    bool is_volatile = false;
  };
  absl::StatusOr<MapValue> RenderMapValue(const YamlNode& value, const char* kind,
                                          const std::string& name, Scope& scope);
  // Lists and maps are for drivers that can pass them on.
  static void CheckTypedValues(const ImageDefinition& definition, const ImageInstance& image,
                               Scope& scope);
  void RenderValues(const ImageDefinition& definition, Scope& scope, ImageInstance& image);
  void RenderMap(const YamlNode* node, const char* kind, Scope& scope,
                 std::map<std::string, std::string>& out, ImageInstance& image);
  void RenderPlatforms(const ImageDefinition& definition, Scope& scope, ImageInstance& image);
  void ChooseBuilder(const ImageDefinition& definition, Scope& scope, RenderedImage& rendered);

  const PathsRelativeTo paths_relative_to_;
  const std::string default_platform_;
  const TemplateValue vars_;
  const std::string date_, date_nano_;
  const BuilderMap& builders_;
  const absl::flat_hash_set<std::string>* broken_builders_ = nullptr;
  TemplateCache cache_;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMAGE_RENDERER_H_
