// The index of an image that was built for several platforms.

#ifndef STEVEDORE_COORDINATOR_IMAGE_INDEX_H_
#define STEVEDORE_COORDINATOR_IMAGE_INDEX_H_

#include <string>
#include <vector>

#include "stevedore/v1/image.pb.h"

namespace stevedore::coordinator {

inline constexpr char kImageIndexType[] = "application/vnd.oci.image.index.v1+json";

// The OCI index document that lists `manifests` in this order: canonical JSON (sorted names, no
// blanks), so that equal manifests give an equal digest. Pure; thread-safe.
std::string MakeImageIndex(const std::vector<v1::ManifestResult>& manifests);

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_IMAGE_INDEX_H_
