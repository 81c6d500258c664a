#include "graph/selection.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "graph/drivers.h"
#include "graph/image_resolver.h"
#include "graph/plan.h"

namespace stevedore::graph {
namespace {

using Index = Catalog::Index;

// What an image of a driver that builds nothing would be built from, one line each.
std::string Rehearsal(const ResolvedImage& image) {
  std::string text = absl::StrCat("image ", image.id, " is not built: its driver ", image.driver,
                                  " only shows what it would use\n  builder:    ", image.builder,
                                  "\n  reference:  ", image.reference);
  const auto list = [&text](absl::string_view title, const std::vector<std::string>& items) {
    if (!items.empty()) absl::StrAppend(&text, "\n  ", title, absl::StrJoin(items, ", "));
  };
  const auto map = [&list](absl::string_view title, const auto& values) {
    std::vector<std::string> items;
    for (const auto& [name, value] : values) items.push_back(absl::StrCat(name, "=", value));
    list(title, items);
  };
  list("tags:       ", image.tags);
  list("platforms:  ", image.platforms);
  list("parents:    ", image.parents);
  map("arguments:  ", image.arguments);
  map("labels:     ", image.labels);
  std::vector<std::string> contexts;
  for (const ContextSpec& context : image.contexts) contexts.push_back(ContextName(context));
  list("context:    ", contexts);
  absl::StrAppend(&text, "\n  options:    ", image.options_json);
  return text;
}

// Makes one selection. Positions count the catalog's instances, then `made_`.
class Selector {
 public:
  Selector(const Catalog& catalog, const SelectionRequest& request)
      : catalog_(catalog), request_(request) {}

  absl::StatusOr<Selection> Run() {
    RETURN_IF_ERROR(CheckRequest());
    RETURN_IF_ERROR(ResolveNames());
    if (request_.cascade) AddDescendants();
    if (request_.changed != nullptr) KeepChanged(*request_.changed);
    AddAncestors();
    RETURN_IF_ERROR(Order());
    RETURN_IF_ERROR(ResolveImages());
    RETURN_IF_ERROR(CheckReferences());
    ListExternalParents();
    return std::move(result_);
  }

 private:
  const ImageInstance& At(Index index) const {
    const Index count = catalog_.instances().size();
    return index < count ? catalog_.instances()[index] : made_[index - count];
  }

  static bool IsBuilt(const ImageInstance& image) {
    return image.has_builder() && !BuildsNothing(image.builder->driver);
  }

  absl::Status CheckRequest() const {
    if (request_.names.empty() && !request_.everything) {
      return absl::InvalidArgumentError("no image is named; name at least one");
    }
    if (request_.names.empty() && !request_.versions.empty()) {
      return absl::InvalidArgumentError(
          "--image-version needs the names of the images that it is about");
    }
    const SelectionOverrides& overrides = request_.overrides;
    const std::pair<const char*, bool> of_one_image[] = {
        {"--image-name", overrides.image_name.has_value()},
        {"--image-from-name", overrides.image_from_name.has_value()},
        {"--ansible-intermediate-container-name",
         overrides.ansible.intermediate_container_name.has_value()},
        {"--ansible-inventory-path", overrides.ansible.inventory.has_value()},
        {"--ansible-limit", overrides.ansible.limit.has_value()},
    };
    for (const auto& [flag, given] : of_one_image) {
      if (!request_.cascade || !given) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          flag,
          " cannot be used with --build-on-cascade: all images would get it; build the "
          "image alone, or write it into its definition"));
    }
    return absl::OkStatus();
  }

  absl::Status ResolveNames() {
    if (request_.names.empty()) {
      for (size_t i = 0; i < catalog_.instances().size(); ++i) SelectNamed(i);
      return absl::OkStatus();
    }
    for (const std::string& text : request_.names) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(text, absl::MaxSplits(':', 1));
      std::vector<std::string> versions = request_.versions;
      if (!parts.second.empty()) versions = {parts.second};
      if (versions.empty()) versions = {""};
      for (const std::string& version : versions) {
        ASSIGN_OR_RETURN(const std::vector<Index> found,
                         catalog_.Resolve(parts.first, version, &made_));
        for (Index index : found) SelectNamed(index);
      }
    }
    return absl::OkStatus();
  }

  void SelectNamed(Index index) {
    if (named_.insert(index).second) Select(index);
  }

  void Select(Index index) {
    if (chosen_.insert(index).second) selected_.push_back(index);
  }

  // Breadth first from all named images at once: each image is reached with as many levels left as
  // possible.
  void AddDescendants() {
    std::deque<std::pair<Index, int>> queue;
    for (Index index : selected_) queue.push_back({index, request_.cascade_depth});
    while (!queue.empty()) {
      const auto [index, levels] = queue.front();
      queue.pop_front();
      if (levels == 0) continue;
      for (Index child : At(index).children) {
        if (chosen_.count(child) > 0) continue;
        Select(child);
        queue.push_back({child, levels - 1});
      }
    }
  }

  // Images that changed by themselves reach all their descendants, named or not.
  void KeepChanged(const ChangedInputs& changes) {
    const Index count = catalog_.instances().size();
    // Of every image: empty, or why it changed; and the ancestor it has that from.
    std::vector<std::string> causes(count + made_.size());
    std::vector<Index> origins(causes.size(), Catalog::kNone);
    auto look = [&](Index index) {
      const ImageInstance& image = At(index);
      std::optional<std::string> own = changes.CauseOf(image);
      if (own.has_value()) {
        causes[index] = *std::move(own);
        origins[index] = index;
        return;
      }
      for (Index parent : image.parents) {
        if (origins[parent] == Catalog::kNone) continue;
        origins[index] = origins[parent];
        causes[index] = absl::StrCat("builds on ", At(origins[parent]).id, ", which changed");
        return;
      }
    };
    for (Index index : catalog_.topological_order()) look(index);
    // Images made from wildcards stand behind their parents.
    for (Index index = count; index < static_cast<Index>(causes.size()); ++index) look(index);
    std::vector<Index> kept;
    for (Index index : selected_) {
      const std::string& id = At(index).id;
      if (origins[index] == Catalog::kNone) {
        chosen_.erase(index);
        if (IsBuilt(At(index))) result_.unchanged.push_back(id);
        continue;
      }
      kept.push_back(index);
      if (IsBuilt(At(index))) result_.selected_because[id] = causes[index];
    }
    selected_ = std::move(kept);
    std::sort(result_.unchanged.begin(), result_.unchanged.end());
    WarnOfStaleParents(origins);
  }

  // A parent that changed but was not named is taken as it was published.
  void WarnOfStaleParents(const std::vector<Index>& origins) {
    if (request_.include_all_ancestors) return;
    for (Index index : selected_) {
      for (Index parent : At(index).parents) {
        if (origins[parent] == Catalog::kNone || chosen_.contains(parent) || !IsBuilt(At(parent)) ||
            request_.include.count(At(parent).id) > 0) {
          continue;
        }
        result_.warnings.push_back(
            {At(index).where,
             absl::StrCat("image ", At(index).id, " is built on ", At(parent).id,
                          " as it was published, but that changed too; name it as well, or use "
                          "--build-parents always")});
      }
    }
  }

  void AddAncestors() {
    if (!request_.include_all_ancestors && request_.include.empty()) return;
    for (size_t i = 0; i < selected_.size(); ++i) {
      const ImageInstance& image = At(selected_[i]);
      if (!IsBuilt(image)) continue;
      // A copy: Select grows nothing that `image` is part of, but is not to know.
      const std::vector<Index> parents = image.parents;
      for (Index parent : parents) {
        const ImageInstance& candidate = At(parent);
        const bool wanted =
            request_.include_all_ancestors || request_.include.count(candidate.id) > 0;
        if (wanted && IsBuilt(candidate)) Select(parent);
      }
    }
  }

  // Parents before children, among equals by id; then only images with a builder.
  absl::Status Order() {
    std::sort(selected_.begin(), selected_.end(),
              [&](Index a, Index b) { return At(a).id < At(b).id; });
    absl::flat_hash_map<Index, Plan::Index> position;
    for (size_t i = 0; i < selected_.size(); ++i) position[selected_[i]] = i;
    std::vector<std::vector<Plan::Index>> parents(selected_.size());
    for (size_t i = 0; i < selected_.size(); ++i) {
      for (Index parent : At(selected_[i]).parents) {
        const auto found = position.find(parent);
        if (found != position.end()) parents[i].push_back(found->second);
      }
    }
    auto name = [&](Plan::Index i) { return At(selected_[i]).id; };
    ASSIGN_OR_RETURN(const Plan plan, Plan::Create(parents, name));
    std::vector<Index> ordered;
    for (Plan::Index i : plan.topological_order()) ordered.push_back(selected_[i]);
    selected_ = std::move(ordered);
    return absl::OkStatus();
  }

  absl::Status ResolveImages() {
    const ImageResolver resolver(request_.overrides, catalog_.options().source_date_epoch);
    for (Index index : selected_) {
      const ImageInstance& image = At(index);
      if (!IsBuilt(image)) {
        // Somebody who asks for all images knows that some are made elsewhere.
        if (!IsRehearsed(image)) {
          if (!request_.everything && request_.changed == nullptr) {
            External(image).where = image.where;
          }
          continue;
        }
        ASSIGN_OR_RETURN(ResolvedImage resolved, resolver.Resolve(image, ParentsOf(resolver, image),
                                                                  &views_, &result_.warnings));
        result_.warnings.push_back({image.where, Rehearsal(resolved)});
        continue;
      }
      RETURN_IF_ERROR(CheckDriver(image));
      ASSIGN_OR_RETURN(ResolvedImage resolved, resolver.Resolve(image, ParentsOf(resolver, image),
                                                                &views_, &result_.warnings));
      ListParents(image, resolved);
      result_.images.push_back(std::move(resolved));
    }
    return absl::OkStatus();
  }

  // Has a builder that only shows what it would use.
  static bool IsRehearsed(const ImageInstance& image) {
    return image.has_builder() && image.builder->driver != "none" &&
           BuildsNothing(image.builder->driver);
  }

  std::vector<ParentView> ParentsOf(const ImageResolver& resolver,
                                    const ImageInstance& image) const {
    std::vector<ParentView> parents;
    for (size_t i = 0; i < image.parents.size(); ++i) {
      const ImageInstance& parent = At(image.parents[i]);
      const bool built = chosen_.count(image.parents[i]) > 0 && IsBuilt(parent);
      parents.push_back(resolver.ViewOf(parent, built, /*is_base=*/image.has_base && i == 0));
    }
    return parents;
  }

  absl::Status CheckDriver(const ImageInstance& image) const {
    const std::string& driver = image.builder->driver;
    if (request_.runnable_drivers.count(driver) > 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(image.where.ToString(), ": image ", image.id, " is built by driver `", driver,
                     "`, which this version cannot run yet; it runs ",
                     absl::StrJoin(request_.runnable_drivers, ", ")));
  }

  // Notes the parents of an image that are not built along.
  void ListParents(const ImageInstance& image, const ResolvedImage& resolved) {
    for (const ParentView& view : views_) {
      if (view.built) continue;
      ExternalParent& external = externals_[view.id];
      external.id = view.id;
      external.reference = view.reference;
      external.needed_by.push_back(resolved.id);
      external.where = view.overridden ? image.where : view.where;
      external.buildable = view.buildable && request_.runnable_drivers.count(view.driver) > 0;
    }
  }

  ExternalParent& External(const ImageInstance& image) {
    ExternalParent& external = externals_[image.id];
    external.id = image.id;
    external.reference = image.Reference();
    return external;
  }

  // One tag cannot name two images; the one that is pushed last would win by chance.
  absl::Status CheckReferences() {
    absl::flat_hash_map<std::string, const ResolvedImage*> owner;
    for (const ResolvedImage& image : result_.images) {
      std::vector<std::string> references = image.tags;
      references.push_back(image.reference);
      for (const std::string& reference : references) {
        if (IsSemverTag(image, reference)) continue;
        const auto [first, is_new] = owner.try_emplace(reference, &image);
        if (is_new || first->second == &image) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            image.where.ToString(), ": images ", first->second->id, " (",
            first->second->where.ToString(), ") and ", image.id, " would both be tagged ",
            reference, "; change the name, version or tags of one of them, or build one"));
      }
    }
    for (ResolvedImage& image : result_.images) ShareSemverTags(image, owner);
    return absl::OkStatus();
  }

  static bool IsSemverTag(const ResolvedImage& image, const std::string& reference) {
    return std::find(image.semver_tags.begin(), image.semver_tags.end(), reference) !=
           image.semver_tags.end();
  }

  // 1.0.0-os1 and 1.0.0-os2 are both 1.0.0 to semantic versions: whoever comes first keeps the tag.
  void ShareSemverTags(ResolvedImage& image,
                       absl::flat_hash_map<std::string, const ResolvedImage*>& owner) {
    for (const std::string& reference : std::vector<std::string>(image.semver_tags)) {
      const auto [first, is_new] = owner.try_emplace(reference, &image);
      if (is_new) continue;
      image.tags.erase(std::find(image.tags.begin(), image.tags.end(), reference));
      image.semver_tags.erase(
          std::find(image.semver_tags.begin(), image.semver_tags.end(), reference));
      result_.warnings.push_back(
          {image.where, absl::StrCat("image ", image.id, " does not get the semantic version tag ",
                                     reference, ", which ", first->second->id, " has")});
    }
  }

  void ListExternalParents() {
    for (auto& [id, external] : externals_) result_.external_parents.push_back(std::move(external));
  }

  const Catalog& catalog_;
  const SelectionRequest& request_;
  std::vector<ImageInstance> made_;
  absl::flat_hash_set<Index> named_;
  absl::flat_hash_set<Index> chosen_;
  std::vector<Index> selected_;
  std::vector<ParentView> views_;  // Of the image resolved last.
  std::map<std::string, ExternalParent> externals_;
  Selection result_;
};

}  // namespace

absl::StatusOr<Selection> Selection::Create(const Catalog& catalog,
                                            const SelectionRequest& request) {
  return Selector(catalog, request).Run();
}

}  // namespace stevedore::graph
