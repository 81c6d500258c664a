// What an image runs on.

#ifndef STEVEDORE_OCI_IMAGE_PLATFORM_H_
#define STEVEDORE_OCI_IMAGE_PLATFORM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace stevedore::oci {

// An operating system and a CPU, named as OCI (and Go) name them: linux, amd64. Empty members say
// nothing. A value.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;                   // "v7" for arm, "v8" for arm64.
  std::string os_version;                // Windows builds.
  std::vector<std::string> os_features;  // Compared as a set.

  // "os[/arch[/variant]][:osversion]"; the empty text is the empty platform. INVALID_ARGUMENT for
  // more parts.
  static absl::StatusOr<Platform> Parse(absl::string_view text);
  // The platform of this process. Thread-safe.
  static Platform Host();

  // The inverse of Parse; features are not shown.
  std::string ToString() const;

  // True if something built for this platform serves a request for `want`: whatever `want` leaves
  // out matches, the rest must be equal, its features all present. arm64 and arm64/v8 are one.
  bool Satisfies(const Platform& want) const;

  bool empty() const { return os.empty() && architecture.empty(); }
  // Every member equal, features as sets.
  friend bool operator==(const Platform& a, const Platform& b);

  // The JSON object of a descriptor's `platform`; empty members are left out.
  nlohmann::json ToJson() const;
  // INVALID_ARGUMENT if os or architecture is missing or any member has a wrong type.
  static absl::StatusOr<Platform> FromJson(const nlohmann::json& json);
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_PLATFORM_H_
