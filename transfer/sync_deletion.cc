#include "transfer/sync_deletion.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/media_type.h"
#include "transfer/image_reading.h"

namespace stevedore::transfer {

absl::StatusOr<const absl::flat_hash_set<std::string>*> TagDeletion::Needed(std::stop_token stop) {
  if (needed_.has_value()) return &*needed_;
  absl::flat_hash_set<std::string> needed;
  for (const std::string& tag : staying_) {
    ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> head, images_->HeadManifest(tag, stop));
    if (!head.has_value()) continue;
    if (!needed.insert(head->digest.ToString()).second) continue;
    if (!oci::IsIndexType(head->media_type)) continue;
    ASSIGN_OR_RETURN(const RawManifest index, images_->GetManifest(head->digest.ToString(), stop));
    ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> children,
                     ListManifests(*images_, index, stop));
    for (const oci::Descriptor& child : children) needed.insert(child.digest.ToString());
  }
  return &needed_.emplace(std::move(needed));
}

absl::Status TagDeletion::Delete(const std::string& tag, std::stop_token stop) {
  const absl::Status by_tag = sink_->DeleteManifest(tag, stop);
  if (by_tag.ok() || by_tag.code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  // What a place says that cannot delete tags; anything else is a real failure.
  if (by_tag.code() != absl::StatusCode::kInvalidArgument &&
      by_tag.code() != absl::StatusCode::kFailedPrecondition &&
      by_tag.code() != absl::StatusCode::kUnimplemented) {
    return by_tag;
  }
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> head, images_->HeadManifest(tag, stop));
  if (!head.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const absl::flat_hash_set<std::string>* const needed, Needed(stop));
  if (needed->contains(head->digest.ToString())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "tag ", tag, " of ", sink_->Describe(),
        " stays: this registry deletes whole "
        "manifests only, and ",
        head->digest.ToString(), " is needed by a tag that stays; ", by_tag.message()));
  }
  const absl::Status by_digest = sink_->DeleteManifest(head->digest.ToString(), stop);
  return by_digest.code() == absl::StatusCode::kNotFound ? absl::OkStatus() : by_digest;
}

}  // namespace stevedore::transfer
