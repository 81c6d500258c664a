// Descriptors: how one document names another.

#ifndef STEVEDORE_OCI_IMAGE_DESCRIPTOR_H_
#define STEVEDORE_OCI_IMAGE_DESCRIPTOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// The name of the manifest in `index.json` of a layout: a tag or any text without control
// characters.
inline constexpr char kRefNameAnnotation[] = "org.opencontainers.image.ref.name";

// Type, digest and size of some content, and what one may want to know before fetching it. A value.
struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;  // Bytes.
  std::optional<Platform> platform = std::nullopt;
  std::map<std::string, std::string> annotations = {};
  std::string artifact_type = "";
  std::vector<std::string> urls = {};
  std::string data = "";  // The content itself when it travels inside; decoded, `size` bytes.

  // INVALID_ARGUMENT, naming the member, for anything the image spec's schema refuses: a member
  // missing or of a wrong type, a negative size, an unsupported digest, `data` that is not the
  // content. Unknown members are ignored.
  static absl::StatusOr<Descriptor> FromJson(const nlohmann::json& json);

  // Empty optional members are left out.
  nlohmann::json ToJson() const;

  friend bool operator==(const Descriptor& a, const Descriptor& b);
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_DESCRIPTOR_H_
