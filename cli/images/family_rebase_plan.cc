#include "cli/images/family_rebase_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::json;

// About the image itself; other codes mean that somebody could not be asked.
bool IsVerdict(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
}

std::string PlatformsOf(const FamilyImage& image) {
  return absl::StrJoin(image.variants, ", ", [](std::string* out, const FamilyVariant& variant) {
    absl::StrAppend(out, variant.platform.ToString());
  });
}

// Layers of `before` that `after` does not have.
std::set<oci::Digest> Removed(const oci::Image& before, const oci::Image& after) {
  const std::vector<oci::Digest>& old_layers = before.config.diff_ids();
  std::set<oci::Digest> removed(old_layers.begin(), old_layers.end());
  for (const oci::Digest& layer : after.config.diff_ids()) removed.erase(layer);
  return removed;
}

bool Contains(const std::vector<oci::Digest>& layers, const std::set<oci::Digest>& some) {
  return std::any_of(layers.begin(), layers.end(),
                     [&](const oci::Digest& layer) { return some.count(layer) > 0; });
}

// A history that does not fit its layers cannot be cut where the base ends.
absl::Status CheckHistory(const oci::Image& image, const std::string& whose) {
  const auto& history = image.config.history();
  const size_t told = std::count_if(history.begin(), history.end(),
                                    [](const auto& entry) { return !entry.empty_layer; });
  const size_t layers = image.config.diff_ids().size();
  if (history.empty() || told == layers) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(whose, " history tells of ", told,
                                                    " layers, but it has ", layers,
                                                    ": it is damaged; build it again"));
}

// Labels that name the base, as some builders write them, move with it. Only those that the image
// itself has: what it inherited is the base's own.
absl::StatusOr<oci::Image> MoveLabels(const oci::Image& image, const oci::Image& before,
                                      const std::map<std::string, std::string>& moved) {
  std::map<std::string, std::string> changes;
  for (const auto& [name, value] : moved) {
    const auto label = image.config.labels().find(name);
    if (label == image.config.labels().end() || label->second == value) continue;
    const auto inherited = before.config.labels().find(name);
    if (inherited != before.config.labels().end() && inherited->second == label->second) continue;
    changes[name] = value;
  }
  if (changes.empty()) return image;
  ASSIGN_OR_RETURN(Json config, oci::ParseJson(image.config.bytes()), "config");
  for (const auto& [name, value] : changes) config["config"]["Labels"][name] = value;
  ASSIGN_OR_RETURN(std::string config_bytes, oci::CanonicalJson(config), "config");
  oci::Image result;
  ASSIGN_OR_RETURN(result.config, oci::ImageConfig::Parse(std::move(config_bytes)));
  ASSIGN_OR_RETURN(Json manifest, oci::ParseJson(image.manifest.bytes()), "manifest");
  manifest["config"]["digest"] = result.config.digest().ToString();
  manifest["config"]["size"] = result.config.bytes().size();
  manifest["config"].erase("data");
  ASSIGN_OR_RETURN(std::string bytes, oci::CanonicalJson(manifest), "manifest");
  ASSIGN_OR_RETURN(result.manifest,
                   oci::Manifest::Parse(std::move(bytes), image.manifest.media_type()));
  return result;
}

// `image`, which stands on `after` now, says so.
absl::StatusOr<oci::Image> RecordParent(const oci::Image& image, const oci::Image& before,
                                        const oci::Digest& after, const oci::Reference& name) {
  const std::map<std::string, std::string> facts = {{oci::kBaseDigestAnnotation, after.ToString()},
                                                    {oci::kBaseNameAnnotation, name.Canonical()}};
  ASSIGN_OR_RETURN(oci::Image result, MoveLabels(image, before, facts));
  // Docker's format has no annotations.
  if (result.manifest.media_type() != oci::kOciManifest) return result;
  std::map<std::string, std::string> annotations = {*facts.find(oci::kBaseDigestAnnotation)};
  if (image.manifest.annotations().count(oci::kBaseNameAnnotation) > 0) annotations = facts;
  return oci::WithAnnotations(result, annotations);
}

}  // namespace

RebasePlanner::RebasePlanner(const NewBase* base, Fetch fetch)
    : base_(base), fetch_(std::move(fetch)) {
  Kin kin;
  kin.id = base->id;
  kin.before = base->old.has_value() ? &*base->old : nullptr;
  kin.after = base->image;
  kin.target = base->reference;
  kin_[base->id] = std::move(kin);
}

const RebasePlanner::Kin* RebasePlanner::Find(const std::string& id) const {
  const auto found = kin_.find(id);
  return found == kin_.end() ? nullptr : &found->second;
}

absl::StatusOr<PlannedImage> RebasePlanner::Plan(const FamilyMember& member,
                                                 const FamilyImage* image,
                                                 const oci::Reference& target) {
  PlannedImage planned;
  for (const std::string& parent : member.parents) {
    const Kin* const kin = Find(parent);
    if (kin == nullptr || planned.outcome == RebaseOutcome::kSkipped) continue;
    if (kin->outcome != RebaseOutcome::kCannot && kin->outcome != RebaseOutcome::kSkipped) continue;
    planned.outcome = RebaseOutcome::kSkipped;
    planned.why = absl::StrCat("it builds on ", parent, ", which could not be rebased");
  }
  if (planned.outcome != RebaseOutcome::kSkipped && image == nullptr) {
    planned.outcome = RebaseOutcome::kCannot;
    planned.why = absl::StrCat(member.reference.Familiar(),
                               " is not in its registry; build it and push it there");
  } else if (planned.outcome != RebaseOutcome::kSkipped) {
    absl::StatusOr<PlannedImage> result = PlanVariants(member, *image);
    if (!result.ok() && !IsVerdict(result.status())) return result.status();
    if (result.ok()) {
      planned = *std::move(result);
    } else {
      planned.outcome = RebaseOutcome::kCannot;
      planned.why = std::string(result.status().message());
    }
  }
  Kin kin;
  kin.id = member.id;
  kin.outcome = planned.outcome;
  kin.before = image;
  kin.target = target;
  if (image != nullptr) {
    kin.after.document =
        planned.outcome == RebaseOutcome::kRebased ? planned.document : image->document;
    kin.after.is_index = image->is_index;
    kin.after.variants = image->variants;
    for (size_t i = 0; i < planned.variants.size(); ++i) {
      kin.after.variants[i].image = planned.variants[i].image;
    }
  }
  kin_[member.id] = std::move(kin);
  return planned;
}

absl::StatusOr<PlannedImage> RebasePlanner::PlanVariants(const FamilyMember& member,
                                                         const FamilyImage& image) {
  PlannedImage planned;
  planned.document = image.document;
  if (image.variants.empty()) {
    return absl::InvalidArgumentError("its index lists no image to run");
  }
  const Kin* const parent = member.parents.empty() ? nullptr : Find(member.parents.front());
  if (parent == nullptr) {
    RETURN_IF_ERROR(CheckWithoutBase(member, image));
    planned.why = absl::StrCat("it stands on something else than ", base_->id);
    return planned;
  }
  std::vector<oci::Image> images;
  for (const FamilyVariant& variant : image.variants) {
    const std::string where =
        image.variants.size() == 1 ? "" : absl::StrCat(variant.platform.ToString(), ": ");
    absl::StatusOr<PlannedVariant> one = PlanVariant(member, *parent, variant);
    if (!one.ok()) {
      return absl::Status(one.status().code(), absl::StrCat(where, one.status().message()));
    }
    if (one->changed) planned.outcome = RebaseOutcome::kRebased;
    images.push_back(one->image);
    planned.variants.push_back(*std::move(one));
  }
  if (planned.outcome != RebaseOutcome::kRebased) return planned;
  ASSIGN_OR_RETURN(planned.document, ReplaceVariants(image, images, parent->after.document.digest));
  if (!image.attached.empty()) {
    planned.notes.push_back(absl::StrCat("left behind: ", image.attached.size(),
                                         " attestations of the old image, which say nothing of "
                                         "the new one"));
  }
  return planned;
}

absl::StatusOr<PlannedVariant> RebasePlanner::PlanVariant(const FamilyMember& member,
                                                          const Kin& parent,
                                                          const FamilyVariant& variant) {
  const FamilyVariant* const below = parent.after.Find(variant.platform);
  if (below == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(parent.target.Familiar(), " is not there for ", variant.platform.ToString(),
                     "; it is for ", PlatformsOf(parent.after)));
  }
  const oci::Image& after = below->image;
  ASSIGN_OR_RETURN(const oci::Image before, FindBefore(parent, variant, after));
  PlannedVariant planned{.platform = variant.platform,
                         .image = variant.image,
                         .old_manifest = variant.image.manifest.digest(),
                         .old_parent = before.manifest.digest(),
                         .new_parent = after.manifest.digest()};
  if (planned.old_parent == planned.new_parent) return planned;
  ASSIGN_OR_RETURN(oci::Image image, oci::Rebase(variant.image, before, after, &planned.said));
  RETURN_IF_ERROR(CheckHistory(variant.image, "its"));
  RETURN_IF_ERROR(CheckHistory(before, absl::StrCat("the old ", parent.id, "'s")));
  RETURN_IF_ERROR(CheckHistory(after, absl::StrCat("the new ", parent.id, "'s")));
  const std::vector<oci::Digest>& layers = variant.image.config.diff_ids();
  const std::vector<oci::Digest> own(layers.begin() + before.config.diff_ids().size(),
                                     layers.end());
  if (Contains(own, Removed(before, after))) {
    return absl::FailedPreconditionError(
        absl::StrCat("layers of the old ", parent.id,
                     " are in its middle, too, where they would stay; build it again"));
  }
  RETURN_IF_ERROR(CheckOthers(member, variant, own));
  ASSIGN_OR_RETURN(planned.image,
                   RecordParent(image, before, after.manifest.digest(), parent.target));
  planned.changed = planned.image.manifest.digest() != planned.old_manifest;
  return planned;
}

absl::StatusOr<oci::Image> RebasePlanner::FindBefore(const Kin& parent,
                                                     const FamilyVariant& variant,
                                                     const oci::Image& after) {
  const auto& annotations = variant.image.manifest.annotations();
  const auto annotated = annotations.find(oci::kBaseDigestAnnotation);
  if (annotated != annotations.end()) {
    ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(annotated->second), "annotation ",
                     oci::kBaseDigestAnnotation);
    return FindAnnotated(parent, variant, after, digest);
  }
  const FamilyImage* before = parent.before;
  if (before == nullptr) {
    ASSIGN_OR_RETURN(before, FetchOnce(parent.id, oci::Digest()));
  }
  const FamilyVariant* const below = before == nullptr ? nullptr : before->Find(variant.platform);
  if (below != nullptr && oci::IsBasedOn(variant.image, below->image)) return below->image;
  if (!after.config.diff_ids().empty() && oci::IsBasedOn(variant.image, after)) return after;
  if (below == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("nobody knows which ", parent.id, " it was built on (it has no annotation ",
                     oci::kBaseDigestAnnotation, "); say so with --old-base, or build it again"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "its first layers are not those of ", parent.id, " (", below->image.manifest.digest().Short(),
      "): it was built on another one; build it again",
      parent.id == base_->id ? ", or say which one with --old-base" : ""));
}

absl::StatusOr<oci::Image> RebasePlanner::FindAnnotated(const Kin& parent,
                                                        const FamilyVariant& variant,
                                                        const oci::Image& after,
                                                        const oci::Digest& digest) {
  if (digest == after.manifest.digest() || digest == parent.after.document.digest) return after;
  const auto named = [&](const FamilyImage* candidate) -> const oci::Image* {
    if (candidate == nullptr) return nullptr;
    const FamilyVariant* const below = candidate->Find(variant.platform);
    if (below == nullptr) return nullptr;
    const bool is_it =
        candidate->document.digest == digest || below->image.manifest.digest() == digest;
    return is_it ? &below->image : nullptr;
  };
  const oci::Image* before = named(parent.before);
  if (before == nullptr) {
    ASSIGN_OR_RETURN(const FamilyImage* const fetched, FetchOnce(parent.id, digest));
    before = named(fetched);
  }
  if (before != nullptr) return *before;
  // The user's word counts where the image's own leads nowhere.
  if (parent.id == base_->id && base_->old.has_value()) {
    const FamilyVariant* const below = base_->old->Find(variant.platform);
    if (below != nullptr && oci::IsBasedOn(variant.image, below->image)) return below->image;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "it was built on ", digest.Short(), ", which is not in the repository of ", parent.id,
      "; build it again", parent.id == base_->id ? ", or say what it was with --old-base" : ""));
}

absl::StatusOr<const FamilyImage*> RebasePlanner::FetchOnce(const std::string& id,
                                                            const oci::Digest& digest) {
  const auto key = std::make_pair(id, digest.ToString());
  auto found = fetched_.find(key);
  if (found == fetched_.end()) {
    ASSIGN_OR_RETURN(std::optional<FamilyImage> image, fetch_(id, digest));
    found = fetched_.emplace(key, std::move(image)).first;
  }
  return found->second.has_value() ? &*found->second : nullptr;
}

absl::Status RebasePlanner::CheckOthers(const FamilyMember& member, const FamilyVariant& variant,
                                        const std::vector<oci::Digest>& own_layers) const {
  for (size_t i = 1; i < member.parents.size(); ++i) {
    const Kin* const other = Find(member.parents[i]);
    if (other == nullptr || other->outcome == RebaseOutcome::kUnchanged) continue;
    if (member.driver != "assemble") {
      return absl::FailedPreconditionError(
          absl::StrCat("it also takes from ", other->id, ", and what driver ",
                       member.driver.empty() ? "(none)" : member.driver,
                       " copied from there is not known; build it again"));
    }
    const FamilyVariant* const before =
        other->before == nullptr ? nullptr : other->before->Find(variant.platform);
    const FamilyVariant* const after = other->after.Find(variant.platform);
    if (before == nullptr || after == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("it also takes layers of ", other->id,
                       ", and which ones those were is not known; build it again"));
    }
    if (Contains(own_layers, Removed(before->image, after->image))) {
      return absl::FailedPreconditionError(absl::StrCat(
          "layers that ", other->id, " had from its old base are in its middle; build it again"));
    }
  }
  return absl::OkStatus();
}

absl::Status RebasePlanner::CheckWithoutBase(const FamilyMember& member,
                                             const FamilyImage& image) const {
  for (const FamilyVariant& variant : image.variants) {
    const absl::Status others = CheckOthers(member, variant, variant.image.config.diff_ids());
    if (!others.ok()) return others;
  }
  return absl::OkStatus();
}

}  // namespace stevedore::cli
