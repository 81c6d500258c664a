// How commands name the images that they made.

#ifndef STEVEDORE_CLI_IMAGES_WRITTEN_IMAGE_H_
#define STEVEDORE_CLI_IMAGES_WRITTEN_IMAGE_H_

#include <string>

#include "oci/image/digest.h"
#include "transfer/endpoint.h"

namespace stevedore::cli {

// `digest` in `place`, so that other commands (and, of a registry, other tools) take it:
// "localhost:5000/shop/web@sha256:…", "oci:folder@sha256:…". Thread-safe.
std::string WrittenImageName(const transfer::Endpoint& place, const oci::Digest& digest);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_WRITTEN_IMAGE_H_
