// Under which names an image is promoted.

#ifndef STEVEDORE_CLI_IMAGES_PROMOTE_NAMES_H_
#define STEVEDORE_CLI_IMAGES_PROMOTE_NAMES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/reference.h"

namespace stevedore::cli {

// What the flags of `promote` say of names. A value.
struct PromoteNameFlags {
  // Parts that replace the source's. An empty namespace takes it away.
  std::optional<std::string> registry, name_space, name;
  // The first is the main one; none: the source's.
  std::vector<std::string> tags;
  bool force_source_tag = false;  // The source's tag, too.
  bool semver = false;            // What `semver_templates` make of all of them, too.
  std::vector<std::string> semver_templates;
  bool semver_strict = false;
};

// Names of a promotion. A value.
struct PromoteNames {
  oci::Reference target;                // With the main tag; pushed last.
  std::vector<std::string> extra_tags;  // Sorted bytewise, without the main one.
  std::vector<std::string> warnings;    // For the user.
};

// The names under which `source` is promoted. Parts that the flags leave out are the source's, the
// namespace `library` of Docker Hub included. INVALID_ARGUMENT, naming the flag, for parts that
// make no reference, templates that do not parse, and a source by digest without any tag.
// Thread-safe.
absl::StatusOr<PromoteNames> NamesOfPromotion(const oci::Reference& source,
                                              const PromoteNameFlags& flags);

// `main_tag` of `target` with the extra tags that `flags` ask for; as NamesOfPromotion for a
// destination that was given whole. An empty `main_tag` has no extra ones. Thread-safe.
absl::StatusOr<PromoteNames> NamesOfCopy(const std::string& main_tag,
                                         const std::vector<std::string>& additional_tags,
                                         const PromoteNameFlags& flags);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_PROMOTE_NAMES_H_
