#include "transfer/layout_repository.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::transfer {

std::string LayoutRepository::Describe() const {
  return absl::StrCat("oci:", layout().directory(), " (", repository_.Name(), ")");
}

absl::StatusOr<std::string> LayoutRepository::NameOf(const std::string& tag) const {
  ASSIGN_OR_RETURN(const oci::Reference image, repository_.WithTag(tag));
  return image.Canonical();
}

std::optional<std::string> LayoutRepository::TagOf(const std::string& name) const {
  absl::string_view tag = name;
  if (!absl::ConsumePrefix(&tag, absl::StrCat(repository_.Name(), ":"))) return std::nullopt;
  if (!oci::CheckTag(tag).ok()) return std::nullopt;
  return std::string(tag);
}

}  // namespace stevedore::transfer
