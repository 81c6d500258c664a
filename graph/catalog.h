// Everything that a project's files define: images, builders, and how they hang together.

#ifndef STEVEDORE_GRAPH_CATALOG_H_
#define STEVEDORE_GRAPH_CATALOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "graph/configuration.h"
#include "graph/image_instance.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// What loading depends on beside the files.
struct CatalogOptions {
  // SOURCE_DATE_EPOCH: what date templates show, instead of `load_time`.
  std::optional<int64_t> source_date_epoch;
  absl::Time load_time = absl::UnixEpoch();
  absl::TimeZone time_zone = absl::UTCTimeZone();
  // Unknown keys are warnings instead of errors.
  bool lenient = false;
  // Findings that one message names.
  size_t shown_errors = 20;
  // "os/arch" of images without `platforms`; empty: this host's.
  std::string default_platform;
  // `.Vars` in templates.
  std::map<std::string, std::string> vars;

  // Time, zone and SOURCE_DATE_EPOCH of this process. INVALID_ARGUMENT if that is not a number.
  static absl::StatusOr<CatalogOptions> FromProcess();
};

// A file that is read already.
struct DefinitionFile {
  std::string path;  // For messages and `paths_relative_to: file`.
  std::string text;
};

// All images and builders of a project, checked: parents exist, nothing goes in a circle, every
// template renders, every builder is known. Immutable once made: thread-safe. Time to load grows
// linearly with the definitions.
class Catalog {
 public:
  using Index = ImageInstance::Index;
  static constexpr Index kNone = -1;

  // Reads the files that `configuration` names. NOT_FOUND if images_path or builders_path is not
  // there; INVALID_ARGUMENT for what is wrong in them. A message names file:line:column, what was
  // found and what would be right; several findings are one per line (the first
  // options.shown_errors).
  static absl::StatusOr<Catalog> Load(const Configuration& configuration,
                                      const CatalogOptions& options);
  // The same from memory; one file may be in both lists.
  static absl::StatusOr<Catalog> Parse(const std::vector<DefinitionFile>& images,
                                       const std::vector<DefinitionFile>& builders,
                                       const Configuration& configuration,
                                       const CatalogOptions& options);

  // Reads on behind every error, to find as many as there are: all errors, in order of place, and
  // what could be made of the rest.
  struct Inspection;
  static Inspection Inspect(const Configuration& configuration, const CatalogOptions& options);
  static Inspection InspectFiles(const std::vector<DefinitionFile>& images,
                                 const std::vector<DefinitionFile>& builders,
                                 const Configuration& configuration, const CatalogOptions& options);

  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  // Every image but those of wildcard definitions, sorted by definition name, then version (bytes).
  const std::vector<ImageInstance>& instances() const;
  // kNone if there is no image with that id.
  Index Find(absl::string_view id) const;
  // Images without parents, ascending: where a tree begins. Walk on with ImageInstance::children.
  const std::vector<Index>& roots() const;
  // Parents before children.
  const std::vector<Index>& topological_order() const;
  // Sorted by name, those written inside images too.
  const std::vector<std::shared_ptr<const Builder>>& builders() const;
  // Names of definitions with a `*` version, sorted.
  std::vector<std::string> wildcards() const;
  // What `*` definitions look like, with `*` for the version that somebody will ask for: for lists.
  // Parents before children; their numbers go on from instances(), and nobody's children lead to
  // them.
  const std::vector<ImageInstance>& wildcard_instances() const;
  // Deprecations, unknown keys when lenient, ...
  const std::vector<Diagnostic>& warnings() const;
  const Configuration& configuration() const;
  const CatalogOptions& options() const;

  // The images that `name` and `version` mean: rendered version or extra tag, else all of a
  // definition version, else made from the wildcard definition. An empty `version` means all of
  // `name`. Ascending.
  //
  // Images made from a wildcard are appended to `made`; they are numbered from instances().size(),
  // in the order of `made`, and so are parents that they bring along. NOT_FOUND with the nearest
  // name or the known versions; INVALID_ARGUMENT for "*".
  absl::StatusOr<std::vector<Index>> Resolve(absl::string_view name, absl::string_view version,
                                             std::vector<ImageInstance>* made) const;

  // For readers of files as they are written: lint.
  struct Content;
  const Content& content() const { return *content_; }

 private:
  explicit Catalog(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

// What Catalog::Inspect found. A catalog with errors has holes: it is for looking only.
struct Catalog::Inspection {
  Catalog catalog;
  std::vector<Diagnostic> errors;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CATALOG_H_
