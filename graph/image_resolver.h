// From an image of the catalog to one of a build: overrides, automatic arguments, tags. Private to
// selection.

#ifndef STEVEDORE_GRAPH_IMAGE_RESOLVER_H_
#define STEVEDORE_GRAPH_IMAGE_RESOLVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/image_instance.h"
#include "graph/resolved_image.h"
#include "graph/selection.h"

namespace stevedore::graph {

// A parent as its child sees it, overrides applied. A value.
struct ParentView {
  std::string id;
  std::string registry, name_space, name, version;
  std::string reference;
  bool built = false;       // In the same selection.
  bool buildable = false;   // Has a builder.
  bool overridden = false;  // By --image-from-...: it is no image of the catalog.
  bool version_is_volatile = false;
  bool is_base = false;
  std::string driver;
  SourceLocation where;
};

// Resolves images of one selection. Thread-safe.
class ImageResolver {
 public:
  // `overrides` must outlive the resolver.
  ImageResolver(const SelectionOverrides& overrides, std::optional<int64_t> source_date_epoch)
      : overrides_(overrides), source_date_epoch_(source_date_epoch) {}

  // `built`: it is in the selection, so it gets the overrides of images; else, as a base, those of
  // bases.
  ParentView ViewOf(const ImageInstance& parent, bool built, bool is_base) const;

  // `views` receives the parents, which overrides may add one to. INVALID_ARGUMENT for references
  // and tags that are none, and templates of tags that do not render.
  absl::StatusOr<ResolvedImage> Resolve(const ImageInstance& image, std::vector<ParentView> parents,
                                        std::vector<ParentView>* views,
                                        std::vector<Diagnostic>* warnings) const;

 private:
  bool OverridesBase() const;
  void OverrideBase(ParentView* view) const;
  void OverrideImage(ImageInstance* image) const;
  absl::Status ResolveTags(const ImageInstance& image, ResolvedImage* resolved,
                           std::vector<Diagnostic>* warnings) const;
  void ResolveArguments(const ImageInstance& image, const std::vector<ParentView>& parents,
                        ResolvedImage* resolved) const;
  void ResolveLabels(const ImageInstance& image, ResolvedImage* resolved) const;
  absl::Status ResolvePlatforms(const ImageInstance& image, ResolvedImage* resolved) const;
  void ResolveOptions(ResolvedImage* resolved) const;
  std::string Spelled(const std::string& reference) const;

  const SelectionOverrides& overrides_;
  const std::optional<int64_t> source_date_epoch_;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMAGE_RESOLVER_H_
