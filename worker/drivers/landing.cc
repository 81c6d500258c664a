#include "worker/drivers/landing.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::worker {

bool NeedsLook(absl::string_view to) {
  const std::string path = native::CleanPath(to);
  return absl::StrContains(path, "/") || absl::StartsWith(path, "lib") || path == "bin" ||
         path == "sbin";
}

absl::StatusOr<Landing> FindLanding(absl::string_view to, bool folder,
                                    const native::FileView& below) {
  const std::string path = native::CleanPath(to);
  std::string place;
  if (folder) {
    ASSIGN_OR_RETURN(place, below.Resolve(path));
  } else {
    ASSIGN_OR_RETURN(place, below.Resolve(native::ParentPath(path)));
    place = native::JoinPath(place, native::BaseName(path));
  }
  Landing landing;
  landing.to = absl::StrCat("/", place, absl::EndsWith(to, "/") && !place.empty() ? "/" : "");
  for (size_t slash = place.find('/'); slash != std::string::npos;
       slash = place.find('/', slash + 1)) {
    const std::optional<native::Node> node = below.Find(place.substr(0, slash));
    // The others are not described by any layer, or will be replaced.
    if (!node.has_value() || node->implied || !node->IsDirectory()) continue;
    landing.folders.push_back(*node->entry);
  }
  return landing;
}

}  // namespace stevedore::worker
