#include "graph/image_instance.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace stevedore::graph {

std::string ImageInstance::VersionTag() const {
  // Build metadata of semantic versions; `+` is no letter of tags.
  return absl::StrReplaceAll(version, {{"+", "_"}});
}

std::string ImageInstance::Reference() const { return ReferenceWithTag(VersionTag()); }

std::string ImageInstance::ReferenceWithTag(const std::string& tag) const {
  return absl::StrCat(registry, registry.empty() ? "" : "/", name_space,
                      name_space.empty() ? "" : "/", name, ":", tag);
}

}  // namespace stevedore::graph
