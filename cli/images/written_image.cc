#include "cli/images/written_image.h"

namespace stevedore::cli {

std::string WrittenImageName(const transfer::Endpoint& place, const oci::Digest& digest) {
  if (place.kind == transfer::EndpointKind::kRegistry) {
    return place.reference.WithDigest(digest).Canonical();
  }
  transfer::Endpoint named = place;
  named.tag.clear();
  named.position = std::nullopt;
  named.digest = digest;
  return named.ToString();
}

}  // namespace stevedore::cli
