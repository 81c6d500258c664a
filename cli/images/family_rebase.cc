#include "cli/images/family_rebase.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/images/family_image.h"
#include "cli/images/parallel_for.h"
#include "oci/image/descriptor.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {
namespace {

std::string TagOrDigest(const oci::Reference& reference) {
  return reference.digest().empty() ? reference.tag() : reference.digest().ToString();
}

// One image on its way.
struct Item {
  const FamilyMember* member = nullptr;
  FamilyPlace place;
  std::optional<FamilyImage> image;
  // Of all tags: what each names now, before anything moves; nullopt: nothing.
  std::vector<std::optional<oci::Digest>> named;
  // Why what is there is no image that can be rebased.
  std::string unreadable;
};

// One rebase of one family.
class Rebase {
 public:
  Rebase(const FamilyRebaseRequest& request, FamilyPlaces& places, std::stop_token stop)
      : request_(request), places_(places), stop_(std::move(stop)) {}

  absl::StatusOr<FamilyRebaseReport> Run() {
    RETURN_IF_ERROR(CheckSuffix());
    RETURN_IF_ERROR(ReadBase());
    items_.resize(request_.family.members.size());
    RETURN_IF_ERROR(ForEach(items_.size(), [this](size_t i) { return Read(i); }));
    RETURN_IF_ERROR(PlanAll());
    if (!request_.dry_run) {
      RETURN_IF_ERROR(Write(), "no tag was moved");
      RETURN_IF_ERROR(MoveTags(),
                      "some tags may have moved, all to whole images; the same command goes on");
    }
    report_.blobs_mounted = mounted_;
    report_.blobs_copied = copied_;
    report_.bytes_copied = copied_bytes_;
    return std::move(report_);
  }

 private:
  absl::Status ForEach(size_t count, const std::function<absl::Status(size_t)>& work) {
    return ParallelFor(count, request_.jobs, work, stop_);
  }

  absl::Status CheckSuffix() const {
    if (request_.tag_suffix.empty()) return absl::OkStatus();
    for (const FamilyMember& member : request_.family.members) {
      for (const std::string& tag : TagsOf(member)) {
        RETURN_IF_ERROR(oci::CheckTag(Target(tag)), "image ", member.id, " with this suffix");
      }
    }
    return absl::OkStatus();
  }

  // The main one first.
  static std::vector<std::string> TagsOf(const FamilyMember& member) {
    std::vector<std::string> tags = {member.reference.tag()};
    tags.insert(tags.end(), member.tags.begin(), member.tags.end());
    return tags;
  }

  std::string Target(const std::string& tag) const {
    return absl::StrCat(tag, request_.tag_suffix);
  }

  absl::StatusOr<FamilyImage> ReadOne(const oci::Reference& reference, const char* what) {
    ASSIGN_OR_RETURN(const FamilyPlace place, places_.Open(reference));
    ASSIGN_OR_RETURN(std::optional<FamilyImage> image,
                     ReadFamilyImage(*place.source, TagOrDigest(reference), stop_), what, " ",
                     reference.Familiar());
    if (image.has_value()) return *std::move(image);
    return absl::NotFoundError(absl::StrCat(what, " ", reference.Familiar(),
                                            " is not in its registry; push it there, or correct "
                                            "the reference"));
  }

  absl::Status ReadBase() {
    base_.id = request_.base_id;
    base_.reference = request_.new_base;
    ASSIGN_OR_RETURN(base_.image, ReadOne(request_.new_base, "the new base"));
    ASSIGN_OR_RETURN(base_place_, places_.Open(request_.new_base));
    if (request_.old_base.has_value()) {
      ASSIGN_OR_RETURN(base_.old, ReadOne(*request_.old_base, "the old base"));
    }
    report_.new_base = request_.new_base;
    report_.new_base_digest = base_.image.document.digest;
    return absl::OkStatus();
  }

  absl::Status Read(size_t i) {
    const FamilyMember& member = request_.family.members[i];
    Item& item = items_[i];
    item.member = &member;
    ASSIGN_OR_RETURN(item.place, places_.Open(member.reference));
    absl::StatusOr<std::optional<FamilyImage>> image =
        ReadFamilyImage(*item.place.source, member.reference.tag(), stop_);
    if (absl::IsInvalidArgument(image.status())) {
      // No image to rebase: the plan says so, like of other images that cannot be.
      item.unreadable = std::string(image.status().message());
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(image.status(), "image ", member.id);
    item.image = *std::move(image);
    item.named.resize(1 + member.tags.size());
    if (!item.image.has_value()) return absl::OkStatus();
    item.named[0] = item.image->document.digest;
    for (size_t tag = 0; tag < member.tags.size(); ++tag) {
      ASSIGN_OR_RETURN(item.named[tag + 1], WhatIs(item, member.tags[tag]));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<oci::Digest>> WhatIs(const Item& item, const std::string& tag) {
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> found,
                     item.place.source->HeadManifest(tag, stop_), "image ", item.member->id);
    if (!found.has_value()) return std::optional<oci::Digest>();
    return std::optional<oci::Digest>(found->digest);
  }

  // See RebasePlanner::Fetch.
  absl::StatusOr<std::optional<FamilyImage>> Fetch(const std::string& id,
                                                   const oci::Digest& digest) {
    std::vector<oci::Reference> repositories;
    if (id == request_.base_id) {
      if (digest.empty()) return ReadDefinedBase();
      repositories = {request_.new_base, request_.base_definition};
      if (request_.old_base.has_value()) repositories.push_back(*request_.old_base);
    } else if (!digest.empty()) {
      for (const Item& item : items_) {
        if (item.member->id == id) repositories.push_back(item.member->reference);
      }
    }
    std::set<std::string> asked;
    for (const oci::Reference& repository : repositories) {
      if (!asked.insert(repository.Name()).second) continue;
      ASSIGN_OR_RETURN(const FamilyPlace place, places_.Open(repository));
      absl::StatusOr<std::optional<FamilyImage>> image =
          ReadFamilyImage(*place.source, digest.ToString(), stop_);
      // The first place is where the base is; others are guesses that may not be reachable.
      if (!image.ok() && asked.size() == 1) return image.status();
      if (image.ok() && image->has_value()) return image;
    }
    return std::optional<FamilyImage>();
  }

  absl::StatusOr<std::optional<FamilyImage>> ReadDefinedBase() {
    ASSIGN_OR_RETURN(const FamilyPlace place, places_.Open(request_.base_definition));
    absl::StatusOr<std::optional<FamilyImage>> image =
        ReadFamilyImage(*place.source, TagOrDigest(request_.base_definition), stop_);
    // Only a guess: without it, images say that nobody knows what they were built on.
    if (!image.ok() || !image->has_value()) return std::optional<FamilyImage>();
    if ((*image)->document.digest == base_.image.document.digest) {
      return std::optional<FamilyImage>();
    }
    return image;
  }

  absl::Status PlanAll() {
    RebasePlanner planner(&base_, [this](const std::string& id, const oci::Digest& digest) {
      return Fetch(id, digest);
    });
    for (size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      const FamilyMember& member = *item.member;
      positions_[member.id] = i;
      RebasedImage image{
          .id = member.id, .reference = member.reference, .defined_at = member.where.ToString()};
      ASSIGN_OR_RETURN(const oci::Reference target,
                       member.reference.WithTag(Target(member.reference.tag())));
      ASSIGN_OR_RETURN(
          image.plan, planner.Plan(member, item.image.has_value() ? &*item.image : nullptr, target),
          "image ", member.id);
      if (!item.unreadable.empty() && image.plan.outcome == RebaseOutcome::kCannot) {
        image.plan.why = item.unreadable;
      }
      if (item.image.has_value()) {
        image.old_digest = item.image->document.digest;
        image.new_digest = image.plan.outcome == RebaseOutcome::kRebased
                               ? image.plan.document.digest
                               : image.old_digest;
      }
      if (image.plan.outcome == RebaseOutcome::kRebased) PlanTags(item, image);
      report_.images.push_back(std::move(image));
    }
    return absl::OkStatus();
  }

  // Tags that name the very image move; `latest` may be another one's by now.
  void PlanTags(const Item& item, RebasedImage& image) const {
    const std::vector<std::string> tags = TagsOf(*item.member);
    for (size_t i = 0; i < tags.size(); ++i) {
      RebasedTag tag{.reference =
                         absl::StrCat(item.member->reference.Name(), ":", Target(tags[i]))};
      if (!item.named[i].has_value()) {
        tag.why = "there is no such tag";
      } else if (*item.named[i] != image.old_digest) {
        tag.why = absl::StrCat("it names another image, ", item.named[i]->Short());
      } else {
        tag.moved = true;
      }
      image.tags.push_back(std::move(tag));
    }
  }

  // Generation by generation: layers are mounted from where the parent has them.
  absl::Status Write() {
    int last = 0;
    for (const Item& item : items_) last = std::max(last, item.member->generation);
    for (int generation = 0; generation <= last; ++generation) {
      std::vector<size_t> wave;
      for (const size_t i : Rebased(generation)) {
        // Layers from another registry are sent once; the next ones mount them from there.
        const std::string& registry = items_[i].member->reference.registry();
        if (registry == request_.new_base.registry() || seeds_.count(registry) > 0) {
          wave.push_back(i);
          continue;
        }
        RETURN_IF_ERROR(WriteOne(i));
        seeds_[registry] = i;
      }
      RETURN_IF_ERROR(ForEach(wave.size(), [&](size_t i) { return WriteOne(wave[i]); }));
    }
    return absl::OkStatus();
  }

  std::vector<size_t> Rebased(int generation) const {
    std::vector<size_t> wave;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].member->generation != generation) continue;
      if (report_.images[i].plan.outcome == RebaseOutcome::kRebased) wave.push_back(i);
    }
    return wave;
  }

  absl::Status WriteOne(size_t i) {
    const Item& item = items_[i];
    const PlannedImage& plan = report_.images[i].plan;
    for (size_t v = 0; v < plan.variants.size(); ++v) {
      const PlannedVariant& variant = plan.variants[v];
      if (!variant.changed) continue;
      RETURN_IF_ERROR(WriteVariant(item, item.image->variants[v], variant), "image ",
                      item.member->id);
    }
    if (!item.image->is_index) return absl::OkStatus();
    return base::Annotate(item.place.sink
                              ->PutManifest(plan.document.digest.ToString(), plan.document.bytes,
                                            plan.document.media_type, stop_)
                              .status(),
                          absl::StrCat("image ", item.member->id));
  }

  absl::Status WriteVariant(const Item& item, const FamilyVariant& old,
                            const PlannedVariant& variant) {
    transfer::ImageWriting writing;
    writing.parallel_blobs = 2;  // Several images are on their way already.
    writing.places.push_back({item.place.source.get(), old.image.manifest.layers()});
    for (const std::string& parent : item.member->parents) {
      const auto position = positions_.find(parent);
      if (position != positions_.end()) AddPlaces(position->second, writing);
    }
    const auto seed = seeds_.find(item.member->reference.registry());
    if (seed != seeds_.end()) AddPlaces(seed->second, writing);
    for (const FamilyVariant& one : base_.image.variants) {
      writing.places.push_back({base_place_.source.get(), one.image.manifest.layers()});
    }
    ASSIGN_OR_RETURN(const transfer::ImageWritten written,
                     transfer::WriteImage(*item.place.sink, "", variant.image, writing, stop_));
    mounted_ += written.blobs_mounted;
    copied_ += written.blobs_copied;
    copied_bytes_ += written.bytes_copied;
    return absl::OkStatus();
  }

  // What item `i`, written already, has in its repository.
  void AddPlaces(size_t i, transfer::ImageWriting& writing) const {
    for (const PlannedVariant& one : report_.images[i].plan.variants) {
      writing.places.push_back({items_[i].place.source.get(), one.image.manifest.layers()});
    }
  }

  // Children first: a parent's tag that still names the old image is what a second run would take
  // its children's parent to be.
  absl::Status MoveTags() {
    int last = 0;
    for (const Item& item : items_) last = std::max(last, item.member->generation);
    for (int generation = last; generation >= 0; --generation) {
      const std::vector<size_t> wave = Rebased(generation);
      RETURN_IF_ERROR(ForEach(wave.size(), [&](size_t i) { return MoveTagsOf(wave[i]); }));
    }
    return absl::OkStatus();
  }

  absl::Status MoveTagsOf(size_t i) {
    const Item& item = items_[i];
    RebasedImage& image = report_.images[i];
    const transfer::RawManifest& document = image.plan.document;
    const std::vector<std::string> tags = TagsOf(*item.member);
    for (size_t t = 0; t < tags.size(); ++t) {
      RebasedTag& tag = image.tags[t];
      if (!tag.moved) continue;
      if (request_.tag_suffix.empty()) {
        // Not atomic, but the time in which somebody's push could be lost is short.
        ASSIGN_OR_RETURN(const std::optional<oci::Digest> now, WhatIs(item, tags[t]));
        if (!now.has_value() || *now != image.old_digest) {
          tag.moved = false;
          tag.why = "somebody else moved it meanwhile";
          image.plan.outcome = RebaseOutcome::kCannot;
          image.plan.why = absl::StrCat(tag.reference,
                                        " was moved by somebody else meanwhile and was left "
                                        "alone; run the same command again");
          continue;
        }
      }
      RETURN_IF_ERROR(
          item.place.sink->PutManifest(Target(tags[t]), document.bytes, document.media_type, stop_)
              .status(),
          "tag ", tag.reference);
    }
    return absl::OkStatus();
  }

  const FamilyRebaseRequest& request_;
  FamilyPlaces& places_;
  const std::stop_token stop_;
  NewBase base_;
  FamilyPlace base_place_;
  std::vector<Item> items_;                  // Parallel to the family's members.
  std::map<std::string, size_t> positions_;  // In items_, by id.
  // By registry other than the new base's: an item there that has the base's layers by now.
  std::map<std::string, size_t> seeds_;
  std::atomic<uint64_t> mounted_ = 0;
  std::atomic<uint64_t> copied_ = 0;
  std::atomic<uint64_t> copied_bytes_ = 0;
  FamilyRebaseReport report_;
};

}  // namespace

int FamilyRebaseReport::Count(RebaseOutcome outcome) const {
  return static_cast<int>(std::count_if(
      images.begin(), images.end(),
      [outcome](const RebasedImage& image) { return image.plan.outcome == outcome; }));
}

absl::StatusOr<FamilyRebaseReport> RebaseFamily(const FamilyRebaseRequest& request,
                                                FamilyPlaces& places, std::stop_token stop) {
  return Rebase(request, places, std::move(stop)).Run();
}

}  // namespace stevedore::cli
