#include "cli/images/family.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "graph/configuration.h"
#include "graph/drivers.h"
#include "graph/image_instance.h"
#include "graph/resolved_image.h"
#include "graph/selection.h"

namespace stevedore::cli {
namespace {

using graph::Catalog;
using graph::ImageInstance;

// The tag of a full reference in `repository`.
absl::StatusOr<std::string> TagOf(const std::string& text) {
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(text));
  return reference.tag();
}

// Puts together one family.
class Selector {
 public:
  Selector(const Catalog& catalog, const FamilyRequest& request)
      : catalog_(catalog), request_(request) {}

  absl::StatusOr<Family> Run() {
    ASSIGN_OR_RETURN(roots_, Ids(request_.names));
    ASSIGN_OR_RETURN(only_, Ids(request_.only));
    RETURN_IF_ERROR(Resolve());
    RETURN_IF_ERROR(AddReachable());
    RETURN_IF_ERROR(AddMadeOfWildcards());
    if (!only_.empty()) RETURN_IF_ERROR(KeepOnly());
    NoteWildcards();
    if (!request_.with_roots) DropRoots();
    CountGenerations();
    return std::move(family_);
  }

 private:
  absl::StatusOr<std::set<std::string>> Ids(const std::vector<std::string>& names) const {
    std::set<std::string> ids;
    for (const std::string& name : names) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(name, absl::MaxSplits(':', 1));
      std::vector<ImageInstance> made;
      ASSIGN_OR_RETURN(const std::vector<Catalog::Index> found,
                       catalog_.Resolve(parts.first, parts.second, &made));
      const Catalog::Index count = catalog_.instances().size();
      for (const Catalog::Index index : found) {
        ids.insert(index < count ? catalog_.instances()[index].id : made[index - count].id);
      }
    }
    return ids;
  }

  // Everything that has a builder, with the tags that a build would give it.
  absl::Status Resolve() {
    graph::SelectionRequest request;
    request.names = request_.names;
    request.names.insert(request.names.end(), request_.only.begin(), request_.only.end());
    request.cascade = request_.cascade;
    const graph::Configuration& configuration = catalog_.configuration();
    request.overrides.semver_strict = configuration.semantic_version_strict;
    if (configuration.semantic_version_tags_enabled) {
      request.overrides.semver_templates = configuration.semantic_version_tags_templates;
    }
    // Nothing is run.
    for (const graph::DriverDescription& driver : graph::Drivers()) {
      request.runnable_drivers.insert(std::string(driver.name));
    }
    ASSIGN_OR_RETURN(selection_, graph::Selection::Create(catalog_, request));
    for (const graph::ResolvedImage& image : selection_.images) resolved_[image.id] = &image;
    return absl::OkStatus();
  }

  absl::Status AddReachable() {
    std::set<Catalog::Index> reached;
    std::deque<Catalog::Index> queue;
    for (const std::string& id : roots_) {
      const Catalog::Index index = catalog_.Find(id);
      if (index != Catalog::kNone && reached.insert(index).second) queue.push_back(index);
    }
    while (request_.cascade && !queue.empty()) {
      const Catalog::Index index = queue.front();
      queue.pop_front();
      for (const Catalog::Index child : catalog_.instances()[index].children) {
        if (reached.insert(child).second) queue.push_back(child);
      }
    }
    for (const Catalog::Index index : catalog_.topological_order()) {
      if (reached.count(index) == 0) continue;
      const ImageInstance& image = catalog_.instances()[index];
      const auto resolved = resolved_.find(image.id);
      RETURN_IF_ERROR(resolved == resolved_.end() ? Add(image) : Add(*resolved->second));
    }
    return absl::OkStatus();
  }

  // Those stand in no tree; they come parents first.
  absl::Status AddMadeOfWildcards() {
    for (const graph::ResolvedImage& image : selection_.images) {
      if (catalog_.Find(image.id) != Catalog::kNone) continue;
      const bool descends =
          std::any_of(image.parents.begin(), image.parents.end(),
                      [&](const std::string& parent) { return members_.count(parent) > 0; });
      if (descends || roots_.count(image.id) > 0) RETURN_IF_ERROR(Add(image));
    }
    return absl::OkStatus();
  }

  absl::Status Add(const graph::ResolvedImage& image) {
    FamilyMember member{.id = image.id,
                        .platforms = image.platforms,
                        .parents = image.parents,
                        .driver = image.driver,
                        .where = image.where};
    ASSIGN_OR_RETURN(member.reference, oci::Reference::Parse(image.reference), "image ", image.id);
    for (const std::string& tag : image.tags) {
      ASSIGN_OR_RETURN(member.tags.emplace_back(), TagOf(tag), "image ", image.id);
    }
    return Add(std::move(member));
  }

  absl::Status Add(const ImageInstance& image) {
    FamilyMember member{.id = image.id, .platforms = image.platforms, .where = image.where};
    ASSIGN_OR_RETURN(member.reference, oci::Reference::Parse(image.Reference()), "image ",
                     image.id);
    member.tags = image.tags;
    for (const Catalog::Index parent : image.parents) {
      member.parents.push_back(catalog_.instances()[parent].id);
    }
    return Add(std::move(member));
  }

  absl::Status Add(FamilyMember member) {
    if (members_.insert(member.id).second) family_.members.push_back(std::move(member));
    return absl::OkStatus();
  }

  absl::Status KeepOnly() {
    for (const std::string& id : only_) {
      if (members_.count(id) > 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("image ", id, " does not build on ", absl::StrJoin(roots_, ", "),
                       "; name one that does (`stevedore-cli get images --tree` shows them)"));
    }
    std::set<std::string> wanted = only_;
    std::vector<FamilyMember>& members = family_.members;
    const auto is_wanted = [&](const std::string& id) { return wanted.count(id) > 0; };
    // Descendants, parents first; then what they stand on, children first.
    for (const FamilyMember& member : members) {
      if (std::any_of(member.parents.begin(), member.parents.end(), is_wanted)) {
        wanted.insert(member.id);
      }
    }
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      if (!is_wanted(member->id)) continue;
      for (const std::string& parent : member->parents) {
        if (members_.count(parent) > 0) wanted.insert(parent);
      }
    }
    const auto unwanted = [&](const FamilyMember& member) { return wanted.count(member.id) == 0; };
    members.erase(std::remove_if(members.begin(), members.end(), unwanted), members.end());
    members_ = std::move(wanted);
    return absl::OkStatus();
  }

  void NoteWildcards() {
    if (!only_.empty() || !request_.cascade) return;
    const Catalog::Index count = catalog_.instances().size();
    for (const ImageInstance& wildcard : catalog_.wildcard_instances()) {
      for (const Catalog::Index parent : wildcard.parents) {
        if (parent >= count || members_.count(catalog_.instances()[parent].id) == 0) continue;
        family_.notes.push_back(absl::StrCat(
            wildcard.where.ToString(), ": ", wildcard.id, " builds on ",
            catalog_.instances()[parent].id,
            " and stands for versions that definitions do not name: none of them is looked at"));
        break;
      }
    }
  }

  void DropRoots() {
    std::vector<FamilyMember>& members = family_.members;
    const auto is_root = [&](const FamilyMember& member) {
      return roots_.count(member.id) > 0 &&
             std::none_of(member.parents.begin(), member.parents.end(),
                          [&](const std::string& parent) { return members_.count(parent) > 0; });
    };
    members.erase(std::remove_if(members.begin(), members.end(), is_root), members.end());
  }

  void CountGenerations() {
    std::map<std::string, int> generations;
    for (FamilyMember& member : family_.members) {
      for (const std::string& parent : member.parents) {
        const auto found = generations.find(parent);
        if (found == generations.end()) continue;
        member.generation = std::max(member.generation, found->second + 1);
      }
      generations[member.id] = member.generation;
    }
  }

  const Catalog& catalog_;
  const FamilyRequest& request_;
  std::set<std::string> roots_;
  std::set<std::string> only_;
  graph::Selection selection_;
  std::map<std::string, const graph::ResolvedImage*> resolved_;
  std::set<std::string> members_;  // Ids of family_.members.
  Family family_;
};

// Which images of a catalog fit a text, and how well. More is better.
enum class Fit { kNone, kRepository, kTag, kReference };

Fit FitOf(const ImageInstance& image, const oci::Reference& wanted) {
  const absl::StatusOr<oci::Reference> reference = oci::Reference::Parse(image.Reference());
  if (!reference.ok() || reference->Name() != wanted.Name()) return Fit::kNone;
  if (wanted.tag().empty()) return Fit::kRepository;
  if (reference->tag() == wanted.tag()) return Fit::kReference;
  const bool has_tag =
      std::find(image.tags.begin(), image.tags.end(), wanted.tag()) != image.tags.end();
  return has_tag ? Fit::kTag : Fit::kRepository;
}

}  // namespace

absl::StatusOr<Family> SelectFamily(const Catalog& catalog, const FamilyRequest& request) {
  return Selector(catalog, request).Run();
}

absl::StatusOr<std::string> FindInTree(const Catalog& catalog, absl::string_view text) {
  std::vector<std::string> best;
  if (!absl::StrContains(text, '/') && !absl::StrContains(text, '@')) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
    std::vector<ImageInstance> made;
    const auto found = catalog.Resolve(parts.first, parts.second, &made);
    if (found.ok() && made.empty()) {
      for (const Catalog::Index index : *found) best.push_back(catalog.instances()[index].id);
    }
  }
  if (best.empty()) {
    ASSIGN_OR_RETURN(const oci::Reference wanted, oci::Reference::Parse(text));
    Fit fit = Fit::kRepository;
    for (const ImageInstance& image : catalog.instances()) {
      const Fit this_fit = FitOf(image, wanted);
      if (this_fit < fit) continue;
      if (this_fit > fit) best.clear();
      fit = this_fit;
      best.push_back(image.id);
    }
  }
  if (best.size() == 1) return best.front();
  if (best.empty()) {
    return absl::NotFoundError(
        absl::StrCat(base::Quoted(text),
                     " is no image of the tree: neither an id nor the reference or repository of "
                     "one; `stevedore-cli get images --tree` shows them"));
  }
  return absl::InvalidArgumentError(absl::StrCat(base::Quoted(text), " may be any of ",
                                                 absl::StrJoin(best, ", "), "; say which one"));
}

}  // namespace stevedore::cli
