// What a family becomes on a new base, computed from documents alone.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_REBASE_PLAN_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_REBASE_PLAN_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/images/family.h"
#include "cli/images/family_image.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/rebase.h"
#include "oci/image/reference.h"
#include "transfer/image_source.h"

namespace stevedore::cli {

// What becomes of one image.
enum class RebaseOutcome {
  kRebased,    // It stands on its new parent.
  kUnchanged,  // It did so before.
  kCannot,     // The reason is told.
  kSkipped,    // One of its parents could not be.
};

// One platform of a planned image. A value.
struct PlannedVariant {
  oci::Platform platform;
  oci::Image image;  // The old one if nothing changed.
  bool changed = false;
  oci::Digest old_manifest;
  // Manifests of the parent: what the image was built on, what it stands on now.
  oci::Digest old_parent;
  oci::Digest new_parent;
  oci::RebaseReport said;
};

// One image, planned. A value.
struct PlannedImage {
  RebaseOutcome outcome = RebaseOutcome::kUnchanged;
  std::string why;  // Of kCannot and kSkipped, and where an unchanged image needs a word.
  std::vector<PlannedVariant> variants;
  // What tags shall name; the old document unless kRebased.
  transfer::RawManifest document;
  std::vector<std::string> notes;
};

// The base that a family moves to. A value.
struct NewBase {
  std::string id;            // As members name their parent.
  oci::Reference reference;  // The new base.
  FamilyImage image;
  // What the user says the images were built on.
  std::optional<FamilyImage> old;
};

// Plans one family, members in their order. Not thread-safe.
class RebasePlanner {
 public:
  // Looks manifests up by their digest, in the repository of the image `id` (or that of the new
  // base): NOT_FOUND is nullopt. With an empty digest: what the definition's own reference of the
  // base names now, if that is not the new base.
  using Fetch = std::function<absl::StatusOr<std::optional<FamilyImage>>(
      const std::string& id, const oci::Digest& digest)>;

  // `base` and `fetch` must outlive the planner.
  RebasePlanner(const NewBase* base, Fetch fetch);

  // Plans `member`, whose documents are `image` (null: it is not in its registry); it will be
  // called `target`. What cannot be done is an outcome; errors are those of `fetch`. `member` and
  // `image` must outlive the planner.
  absl::StatusOr<PlannedImage> Plan(const FamilyMember& member, const FamilyImage* image,
                                    const oci::Reference& target);

 private:
  // A parent of later members: the base, or a member that was planned.
  struct Kin {
    std::string id;
    RebaseOutcome outcome = RebaseOutcome::kRebased;
    // Null: see Fetch.
    const FamilyImage* before = nullptr;
    FamilyImage after;
    oci::Reference target;
  };

  absl::StatusOr<PlannedImage> PlanVariants(const FamilyMember& member, const FamilyImage& image);
  absl::StatusOr<PlannedVariant> PlanVariant(const FamilyMember& member, const Kin& parent,
                                             const FamilyVariant& variant);
  absl::StatusOr<oci::Image> FindBefore(const Kin& parent, const FamilyVariant& variant,
                                        const oci::Image& after);
  absl::StatusOr<oci::Image> FindAnnotated(const Kin& parent, const FamilyVariant& variant,
                                           const oci::Image& after, const oci::Digest& digest);
  absl::StatusOr<const FamilyImage*> FetchOnce(const std::string& id, const oci::Digest& digest);
  absl::Status CheckOthers(const FamilyMember& member, const FamilyVariant& variant,
                           const std::vector<oci::Digest>& own_layers) const;
  absl::Status CheckWithoutBase(const FamilyMember& member, const FamilyImage& image) const;
  const Kin* Find(const std::string& id) const;

  const NewBase* const base_;
  const Fetch fetch_;
  std::map<std::string, Kin> kin_;
  std::map<std::pair<std::string, std::string>, std::optional<FamilyImage>> fetched_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_REBASE_PLAN_H_
