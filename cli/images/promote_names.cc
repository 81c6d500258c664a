#include "cli/images/promote_names.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/semantic_version.h"
#include "base/status.h"
#include "graph/semver_tags.h"

namespace stevedore::cli {
namespace {

absl::StatusOr<oci::Reference> Rename(const oci::Reference& source, const PromoteNameFlags& flags) {
  const std::string& repository = source.repository();
  const size_t slash = repository.rfind('/');
  const std::string name_space =
      flags.name_space.value_or(slash == std::string::npos ? "" : repository.substr(0, slash));
  const std::string name =
      flags.name.value_or(slash == std::string::npos ? repository : repository.substr(slash + 1));
  const std::string registry = flags.registry.value_or(source.registry());
  RETURN_IF_ERROR(oci::CheckRegistry(registry), "--promote-image-registry-host");
  if (!name_space.empty()) {
    RETURN_IF_ERROR(oci::CheckRepository(name_space), "--promote-image-registry-namespace");
  }
  RETURN_IF_ERROR(oci::CheckRepository(name), "--promote-image-name");
  // Not completed as Docker does: an empty namespace is meant.
  return oci::Reference::Parse(
      absl::StrCat(registry, "/", name_space, name_space.empty() ? "" : "/", name));
}

// Semantic versions of `tags`, added to them.
absl::Status AddSemver(const PromoteNameFlags& flags, std::set<std::string>* tags,
                       std::vector<std::string>* warnings) {
  for (const std::string& tag : std::vector<std::string>(tags->begin(), tags->end())) {
    ASSIGN_OR_RETURN(const std::vector<std::string> made,
                     graph::SemverTags({tag}, flags.semver_templates, flags.semver_strict),
                     "--semver-tags-template");
    const auto version = base::ParseSemanticVersion(tag, flags.semver_strict);
    for (const std::string& text : made) {
      if (!oci::CheckTag(text).ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--semver-tags-template makes ", base::Quoted(text), " of ", tag,
                         ", which is no tag; remove what may stand only in versions, such as +"));
      }
      if (!tags->insert(text).second || !version.has_value() || version->pre_release.empty()) {
        continue;
      }
      if (!absl::StrContains(text, version->pre_release)) {
        warnings->push_back(absl::StrCat("tag ", text, " will name the pre-release ", tag));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PromoteNames> NamesOfPromotion(const oci::Reference& source,
                                              const PromoteNameFlags& flags) {
  ASSIGN_OR_RETURN(const oci::Reference renamed, Rename(source, flags));
  const std::string main_tag = flags.tags.empty() ? source.tag() : flags.tags[0];
  if (main_tag.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(source.Canonical(),
                                                   " has no tag to promote it under; name one with "
                                                   "--promote-image-tag"));
  }
  std::vector<std::string> additional(flags.tags.begin() + (flags.tags.empty() ? 0 : 1),
                                      flags.tags.end());
  if (flags.force_source_tag && !source.tag().empty()) additional.push_back(source.tag());
  ASSIGN_OR_RETURN(PromoteNames names, NamesOfCopy(main_tag, additional, flags));
  ASSIGN_OR_RETURN(names.target, renamed.WithTag(main_tag), "--promote-image-tag");
  return names;
}

absl::StatusOr<PromoteNames> NamesOfCopy(const std::string& main_tag,
                                         const std::vector<std::string>& additional_tags,
                                         const PromoteNameFlags& flags) {
  PromoteNames names;
  std::set<std::string> tags(additional_tags.begin(), additional_tags.end());
  if (!main_tag.empty()) tags.insert(main_tag);
  for (const std::string& tag : tags) {
    // Names in archives of Docker are whole references.
    if (absl::StrContains(tag, '/') || absl::StrContains(tag, ':')) continue;
    RETURN_IF_ERROR(oci::CheckTag(tag), "tag ", base::Quoted(tag));
  }
  if (flags.semver) RETURN_IF_ERROR(AddSemver(flags, &tags, &names.warnings));
  tags.erase(main_tag);
  names.extra_tags.assign(tags.begin(), tags.end());
  return names;
}

}  // namespace stevedore::cli
