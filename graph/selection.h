// Which images of a catalog a command is about, resolved to the last detail.

#ifndef STEVEDORE_GRAPH_SELECTION_H_
#define STEVEDORE_GRAPH_SELECTION_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/catalog.h"
#include "graph/changed_inputs.h"
#include "graph/resolved_image.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// What one run says to the playbooks of driver `ansible-playbook`. Absent: as defined.
struct AnsibleOverrides {
  std::optional<std::string> inventory;                    // Not with cascade.
  std::optional<std::string> limit;                        // Not with cascade.
  std::optional<std::string> intermediate_container_name;  // Not with cascade.
  bool connection_local = false;
};

// What one run changes in every selected image (vars, labels, tags, place) and in the base of those
// whose base is not selected (image_from_*). Absent: as defined; an empty text clears.
struct SelectionOverrides {
  std::map<std::string, std::string> vars;
  std::map<std::string, std::string> persistent_vars;  // Win over inherited ones.
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> persistent_labels;
  std::vector<std::string> tags;
  std::optional<std::string> image_name;  // Not with cascade.
  std::optional<std::string> registry;
  std::optional<std::string> name_space;
  std::optional<std::string> image_from_name;  // Not with cascade.
  std::optional<std::string> image_from_version;
  std::optional<std::string> image_from_registry;
  std::optional<std::string> image_from_namespace;
  // Extra tags from versions that are semantic versions, by these templates; empty: none.
  std::vector<std::string> semver_templates;
  bool semver_strict = false;
  // "os/arch[/variant]": what images without `platforms` are built for; of the others, the
  // platforms they have in common with these. Empty: as defined.
  std::vector<std::string> platforms;
  // Drivers of Dockerfiles look for newer versions of images in FROM that are no parents.
  bool pull_parent_image = false;
  // Engine drivers leave no image behind, whatever definitions say.
  bool remove_local_images = false;
  // References as Docker completes them, in automatic arguments too: docker.io/library/alpine:3.
  bool normalized_names = false;
  AnsibleOverrides ansible;
};

// What a command names.
struct SelectionRequest {
  // Definition names, or "name:version"; at least one unless `everything`.
  std::vector<std::string> names;
  // All images but those of wildcard definitions, instead of `names`.
  bool everything = false;
  // Of what was named and its descendants, only images that these changes reach. Null: all of it.
  // Must outlive the call.
  const ChangedInputs* changed = nullptr;
  // Of every name without a version of its own; empty: all versions.
  std::vector<std::string> versions;
  // Descendants too.
  bool cascade = false;
  // Levels of children; negative: all, 0: none.
  int cascade_depth = -1;
  // Ids of images that are built along although nobody named them: the answer to
  // ExternalParent::buildable. Ids that nothing selected needs are fine.
  std::set<std::string> include;
  // Every ancestor that has a builder is built along.
  bool include_all_ancestors = false;
  SelectionOverrides overrides;
  // What this version's workers can run. Other images are refused.
  std::set<std::string> runnable_drivers = {"ansible-playbook", "assemble", "buildkit",
                                            "docker",           "native",   "sleep"};
};

// The outcome: plain values that share nothing with the catalog. Thread-safe once made.
struct Selection {
  // Parents before children, each once; among equals by id. Only images with a builder.
  std::vector<ResolvedImage> images;
  // Sorted by id: parents of `images` that are not in it, and images that were named but have no
  // builder.
  std::vector<ExternalParent> external_parents;
  // With SelectionRequest::changed: why each image was selected, by id, and the ids of images that
  // were named but are as they were, sorted.
  std::map<std::string, std::string> selected_because;
  std::vector<std::string> unchanged;
  // E.g. semantic version tags that a pre-release would move.
  std::vector<Diagnostic> warnings;

  // NOT_FOUND: no such image or version (with the nearest known). INVALID_ARGUMENT: overrides that
  // exclude each other, two images with one reference, a tag that is not one, an image that is not
  // built for any of the platforms asked for. FAILED_PRECONDITION:
  // an image whose driver this version does not run. Thread-safe.
  static absl::StatusOr<Selection> Create(const Catalog& catalog, const SelectionRequest& request);
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_SELECTION_H_
