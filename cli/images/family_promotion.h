// A whole family of images promoted to another registry, namespace or tag.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/images/family.h"
#include "cli/images/family_places.h"
#include "oci/image/digest.h"
#include "transfer/copier.h"
#include "transfer/copy_options.h"

namespace stevedore::cli {

// Where promoted images go, as the flags of `promote` say. Absent: as the source. Plain data.
struct PromotionTarget {
  std::optional<std::string> registry;
  std::optional<std::string> name_space;  // Empty: none.
  // Instead of the source's tags; empty: all of them.
  std::vector<std::string> tags;
  // The source's main tag, too.
  bool force_source_tag = false;
  // Extra tags from those that are semantic versions; empty: none.
  std::vector<std::string> semver_templates;
  bool semver_strict = false;
};

// What to promote. Plain data.
struct FamilyPromotionRequest {
  Family family;
  PromotionTarget target;
  // For every image; `extra_tags`, `finish` and `on_event` are not looked at.
  transfer::CopyOptions copy;
  int jobs = 3;  // Images at once; at least 1.
};

// One image under one of its digests: a tag may name another image than the main one. A value.
struct PromotedImage {
  std::string id;
  std::string source;                // Full reference.
  std::vector<std::string> targets;  // Full references, the main one first.
  std::string why;                   // It could not be promoted; empty: it was.
  std::vector<std::string> notes;
  transfer::CopyResult result;
  // Blobs that were sent, or would be; each is counted for the first image that brings it.
  uint64_t blobs_sent = 0;
  uint64_t bytes_sent = 0;
};

// What a promotion did. A value.
struct FamilyPromotionReport {
  std::vector<PromotedImage> images;  // Parents before children.
  bool dry_run = false;

  // How many could not be promoted.
  int failures() const;
};

// Copies every image of the family with all its tags and platforms, parents before children, so
// that what they share is sent once and mounted afterwards. An image that is not there or cannot be
// copied is told in the report and does not stop the others. INVALID_ARGUMENT: a target that
// changes nothing, names no repository or no tag, or gives two images one reference; else errors of
// the registries. Thread-safe.
absl::StatusOr<FamilyPromotionReport> PromoteFamily(const FamilyPromotionRequest& request,
                                                    FamilyPlaces& places, transfer::Copier& copier,
                                                    std::stop_token stop);

// A line for each image, for people. Thread-safe, as those below.
std::string PromotionTable(const FamilyPromotionReport& report);
// "5 images in 7 tags promoted in 0.4s; 12 blobs sent (3.4 MiB), 8 mounted, 3 there".
std::string PromotionSummary(const FamilyPromotionReport& report, absl::Duration time);
nlohmann::ordered_json PromotionJson(const FamilyPromotionReport& report, absl::Duration time);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_PROMOTION_H_
