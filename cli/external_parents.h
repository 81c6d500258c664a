// Parents that a build stands on but does not make: found, or built along.

#ifndef STEVEDORE_CLI_EXTERNAL_PARENTS_H_
#define STEVEDORE_CLI_EXTERNAL_PARENTS_H_

#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/build_flags.h"
#include "cli/platform_manifests.h"
#include "graph/catalog.h"
#include "graph/selection.h"
#include "oci/image/reference.h"

namespace stevedore::cli {

// Where parents are looked for. Thread-safe.
class ParentFinder {
 public:
  virtual ~ParentFinder() = default;

  // The manifests of `reference`; nullopt if it is nowhere. What is found can be built on: an
  // implementation that must fetch it first has done so. UNAVAILABLE, UNAUTHENTICATED, ...: could
  // not ask; the message says why and what to do.
  virtual absl::StatusOr<std::optional<PlatformManifests>> Find(
      const oci::Reference& reference, const std::vector<std::string>& platforms,
      std::stop_token stop) = 0;
};

// A parent that was found.
struct FoundParent {
  std::string id;
  std::string reference;  // Canonical.
  PlatformManifests manifests;
};

// A selection whose parents are all either in it or found.
struct SelectionWithParents {
  graph::Selection selection;
  std::vector<FoundParent> parents;
  // What the user should know: parents that are built along, images without builder.
  std::vector<std::string> notes;
};

// How parents are treated.
struct ParentOptions {
  BuildParents build_parents = BuildParents::kAuto;
  // A parent with a builder is built along also where a registry could not be asked.
  bool build_if_unreachable = false;
  // A parent that cannot be looked up, or is nowhere, is no error: it counts as changed and a note
  // says so. For plans, which are wanted also where no registry is.
  bool plan_without = false;
  int lookups_at_once = 8;
};

// Selects what `request` names and finds the parents outside. With kAuto, those found nowhere that
// have a builder are added to the selection, and their parents are looked for in turn.
// NOT_FOUND naming place, image and remedy for a parent that is nowhere and cannot be built; others
// as Selection::Create and ParentFinder.
absl::StatusOr<SelectionWithParents> SelectWithParents(const graph::Catalog& catalog,
                                                       graph::SelectionRequest request,
                                                       ParentFinder& finder,
                                                       const ParentOptions& options,
                                                       std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_EXTERNAL_PARENTS_H_
