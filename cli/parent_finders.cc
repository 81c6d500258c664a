#include "cli/parent_finders.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "transfer/layout_repository.h"
#include "transfer/registry_repository.h"

namespace stevedore::cli {
namespace {

// What a source knows the image by.
std::string TagOrDigest(const oci::Reference& reference) {
  return reference.digest().empty() ? reference.tag() : reference.digest().ToString();
}

}  // namespace

absl::StatusOr<std::optional<PlatformManifests>> RegistryParentFinder::Find(
    const oci::Reference& reference, const std::vector<std::string>& platforms,
    std::stop_token stop) {
  transfer::RegistryRepository repository(client_, reference);
  return FindPlatformManifests(repository, TagOrDigest(reference), platforms, std::move(stop));
}

absl::StatusOr<std::optional<PlatformManifests>> LayoutParentFinder::Find(
    const oci::Reference& reference, const std::vector<std::string>& platforms,
    std::stop_token stop) {
  const std::string name = TagOrDigest(reference);
  if (layout_ != nullptr) {
    transfer::LayoutRepository local(layout_, reference);
    ASSIGN_OR_RETURN(std::optional<PlatformManifests> found,
                     FindPlatformManifests(local, name, platforms, stop));
    if (found.has_value()) return found;
  }
  transfer::RegistryRepository remote(client_, reference);
  ASSIGN_OR_RETURN(std::optional<PlatformManifests> found,
                   FindPlatformManifests(remote, name, platforms, stop));
  if (!found.has_value() || layout_ == nullptr || !fetch_) return found;
  transfer::LayoutRepository local(layout_, reference);
  std::set<std::string> digests;
  for (const auto& [platform, digest] : *found) digests.insert(digest);
  for (const std::string& digest : digests) {
    ASSIGN_OR_RETURN(const auto there, local.HeadManifest(digest, stop));
    if (there.has_value()) continue;
    if (note_) note_(absl::StrCat("fetching ", reference.Familiar()));
    RETURN_IF_ERROR(CopyImage(remote, local, digest, stop), "fetch ", reference.Familiar());
  }
  return found;
}

}  // namespace stevedore::cli
