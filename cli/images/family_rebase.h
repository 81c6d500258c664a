// A family of images moved to a new base where it lies, without building anything.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_REBASE_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_REBASE_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/images/family.h"
#include "cli/images/family_places.h"
#include "cli/images/family_rebase_plan.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace stevedore::cli {

// What to move where. Plain data.
struct FamilyRebaseRequest {
  Family family;                   // Without the base.
  std::string base_id;             // What its members call their base: "alpine:3.20".
  oci::Reference base_definition;  // Where definitions say it is.
  oci::Reference new_base;
  // What images were built on that do not say so themselves.
  std::optional<oci::Reference> old_base;
  // Empty: the tags of the images move. Else they stay, and the new images get each of them with
  // this at its end.
  std::string tag_suffix;
  bool dry_run = false;  // Reads and computes everything, writes nothing.
  int jobs = 8;          // Images at once; at least 1.
};

// One tag of an image. A value.
struct RebasedTag {
  std::string reference;
  bool moved = false;  // With dry_run: it would be.
  std::string why;     // Of a tag that stays.
};

// What became of one image. A value.
struct RebasedImage {
  std::string id;
  oci::Reference reference;
  std::string defined_at;
  // Of manifest or index; empty where unknown, equal if nothing changed.
  oci::Digest old_digest;
  oci::Digest new_digest;
  PlannedImage plan;
  std::vector<RebasedTag> tags;
};

// What a rebase of a family did. A value.
struct FamilyRebaseReport {
  oci::Reference new_base;
  oci::Digest new_base_digest;
  std::vector<RebasedImage> images;  // Parents before children.
  uint64_t blobs_mounted = 0;
  uint64_t blobs_copied = 0;  // Layers from another registry; configs are not counted.
  uint64_t bytes_copied = 0;

  // How many images have `outcome`.
  int Count(RebaseOutcome outcome) const;
};

// Reads all images, computes what they become, writes that by digest (layers are mounted), and
// moves the tags last, those of children before those of their parents: whenever it ends, each tag
// names an old or a new image, whole, and the next run goes on where this one was. An image that
// cannot be moved is an outcome in the report, and so is a tag that somebody else moved meanwhile.
// Errors are about the base (NOT_FOUND), the request (INVALID_ARGUMENT: a suffix that makes no tag)
// and registries; then no tag was moved unless the message says so. Thread-safe.
absl::StatusOr<FamilyRebaseReport> RebaseFamily(const FamilyRebaseRequest& request,
                                                FamilyPlaces& places, std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_REBASE_H_
