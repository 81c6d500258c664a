#include "cli/external_parents.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace stevedore::cli {
namespace {

using graph::ExternalParent;
using Lookup = absl::StatusOr<std::optional<PlatformManifests>>;

// The platforms on which images of the selection build on `parent`.
std::vector<std::string> PlatformsOf(const graph::Selection& selection,
                                     const ExternalParent& parent) {
  const std::set<std::string> needed_by(parent.needed_by.begin(), parent.needed_by.end());
  std::set<std::string> platforms;
  for (const graph::ResolvedImage& image : selection.images) {
    if (needed_by.count(image.id) == 0) continue;
    platforms.insert(image.platforms.begin(), image.platforms.end());
  }
  return {platforms.begin(), platforms.end()};
}

// Searches for parents and remembers what it found.
class Search {
 public:
  Search(ParentFinder& finder, const ParentOptions& options, std::stop_token stop)
      : finder_(finder), options_(options), stop_(std::move(stop)) {}

  // Looks up all parents that are not known yet, several at once.
  void Run(const graph::Selection& selection) {
    base::ThreadPool pool("lookups", options_.lookups_at_once);
    for (const ExternalParent& parent : selection.external_parents) {
      if (parent.needed_by.empty() || lookups_.count(parent.id) > 0) continue;
      Lookup& slot = lookups_.emplace(parent.id, Lookup(std::nullopt)).first->second;
      std::vector<std::string> platforms = PlatformsOf(selection, parent);
      pool.Schedule([this, &slot, &parent, platforms = std::move(platforms)] {
        slot = Find(parent, platforms);
      });
    }
  }

  const Lookup& result(const std::string& id) const { return lookups_.at(id); }

 private:
  Lookup Find(const ExternalParent& parent, const std::vector<std::string>& platforms) {
    if (stop_.stop_requested()) return absl::CancelledError("stopped");
    ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(parent.reference));
    return finder_.Find(reference, platforms, stop_);
  }

  ParentFinder& finder_;
  const ParentOptions& options_;
  const std::stop_token stop_;
  std::map<std::string, Lookup> lookups_;  // Values are written by one task each.
};

std::string Place(const ExternalParent& parent) {
  const std::string where = parent.where.ToString();
  return where.empty() ? "" : absl::StrCat(where, ": ");
}

absl::Status NowhereError(const ExternalParent& parent, BuildParents build_parents) {
  std::string remedy;
  if (parent.buildable && build_parents == BuildParents::kNever) {
    remedy = "leave --build-parents at auto to build it along, or build it first";
  } else if (parent.buildable) {
    remedy = "name it, too, or use --build-parents auto";
  } else {
    remedy =
        "push it there, correct the reference, or give the image a builder (drivers none, dry-run "
        "and default build nothing)";
  }
  return absl::NotFoundError(absl::StrCat(
      Place(parent), absl::StrJoin(parent.needed_by, ", "), " builds on ", parent.id, " (",
      parent.reference, "), which was found neither in the output folder nor in its registry; ",
      remedy));
}

// Whether `parent`, looked up with `lookup`, is to be built along.
bool BuildsAlong(const ExternalParent& parent, const Lookup& lookup, const ParentOptions& options) {
  if (!parent.buildable || options.build_parents != BuildParents::kAuto) return false;
  if (lookup.ok()) return !lookup->has_value();
  return options.build_if_unreachable && absl::IsUnavailable(lookup.status());
}

// Adds to `request.include` what must be built along; true if anything was added.
bool Include(const graph::Selection& selection, const Search& search, const ParentOptions& options,
             graph::SelectionRequest& request, std::vector<std::string>& notes) {
  bool added = false;
  for (const ExternalParent& parent : selection.external_parents) {
    if (parent.needed_by.empty()) continue;
    const Lookup& lookup = search.result(parent.id);
    if (!BuildsAlong(parent, lookup, options)) continue;
    if (!request.include.insert(parent.id).second) continue;
    added = true;
    notes.push_back(absl::StrCat(
        "building ", parent.id, " along: ", parent.needed_by.front(), " builds on it and ",
        lookup.ok() ? "it was not found" : "its registry does not answer"));
  }
  return added;
}

// Stands for a manifest that is not known. No content has this digest, so no result that was built
// on it can be known either.
FoundParent UnknownParent(const ExternalParent& parent, const graph::Selection& selection) {
  FoundParent unknown{.id = parent.id, .reference = parent.reference};
  for (const std::string& platform : PlatformsOf(selection, parent)) {
    unknown.manifests[platform] = absl::StrCat("sha256:", std::string(64, '0'));
  }
  return unknown;
}

// The parent as it was found; with `plan_without`, one that was not found too.
absl::StatusOr<FoundParent> Settle(const ExternalParent& parent, const Lookup& lookup,
                                   const graph::Selection& selection, const ParentOptions& options,
                                   std::vector<std::string>& notes) {
  absl::Status problem;
  if (!lookup.ok()) {
    problem =
        base::Annotate(lookup.status(), absl::StrCat(Place(parent), "parent ", parent.id, " of ",
                                                     absl::StrJoin(parent.needed_by, ", ")));
  } else if (!lookup->has_value()) {
    problem = NowhereError(parent, options.build_parents);
  }
  if (!problem.ok()) {
    if (!options.plan_without) return problem;
    notes.push_back(absl::StrCat("warning: ", problem.message(),
                                 "; the plan takes it for changed, a build would fail"));
    return UnknownParent(parent, selection);
  }
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(parent.reference));
  return FoundParent{parent.id, reference.Canonical(), **lookup};
}

}  // namespace

absl::StatusOr<SelectionWithParents> SelectWithParents(const graph::Catalog& catalog,
                                                       graph::SelectionRequest request,
                                                       ParentFinder& finder,
                                                       const ParentOptions& options,
                                                       std::stop_token stop) {
  SelectionWithParents result;
  request.include_all_ancestors = options.build_parents == BuildParents::kAlways;
  Search search(finder, options, stop);
  do {
    ASSIGN_OR_RETURN(result.selection, graph::Selection::Create(catalog, request));
    search.Run(result.selection);
    if (stop.stop_requested()) return absl::CancelledError("stopped while looking for parents");
  } while (Include(result.selection, search, options, request, result.notes));

  for (const ExternalParent& parent : result.selection.external_parents) {
    if (parent.needed_by.empty()) {
      result.notes.push_back(
          absl::StrCat(Place(parent), parent.id, " has no builder: there is nothing to build"));
      continue;
    }
    ASSIGN_OR_RETURN(FoundParent found, Settle(parent, search.result(parent.id), result.selection,
                                               options, result.notes));
    result.parents.push_back(std::move(found));
  }
  return result;
}

}  // namespace stevedore::cli
