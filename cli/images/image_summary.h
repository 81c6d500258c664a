// What `inspect` tells about an image, in the words of skopeo.

#ifndef STEVEDORE_CLI_IMAGES_IMAGE_SUMMARY_H_
#define STEVEDORE_CLI_IMAGES_IMAGE_SUMMARY_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "oci/image/digest.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"

namespace stevedore::cli {

// What is known about an image. Plain data.
struct ImageFacts {
  std::string name;    // "localhost:5000/shop/web"
  oci::Digest digest;  // Of what the name leads to: the index, if it is one.
  std::vector<std::string> tags = {};
  oci::Manifest manifest = {};  // Of one platform.
  // Of an image; artifacts have none.
  std::optional<oci::ImageConfig> config = std::nullopt;
  // The config as JSON, for members that ImageConfig leaves out.
  std::string config_bytes = "";
};

// skopeo's object: Name, Digest, RepoTags, Created, DockerVersion, Labels, Architecture, Variant,
// Os, Layers, LayersData, Env, Author; of artifacts also ArtifactType, without what a config would
// say. Thread-safe.
nlohmann::ordered_json SummarizeImage(const ImageFacts& facts);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_IMAGE_SUMMARY_H_
