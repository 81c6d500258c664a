// The inside of image editing: an image's documents as JSON, taken apart and put together.

#ifndef STEVEDORE_OCI_IMAGE_IMAGE_PARTS_H_
#define STEVEDORE_OCI_IMAGE_IMAGE_PARTS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {

// What an image's documents say, members that nobody models included. A value.
struct ImageParts {
  ImageFormat format = ImageFormat::kOci;
  // The config without `rootfs` and `history`; its `config` member is always an object.
  nlohmann::json config;
  // One entry for each layer at least.
  nlohmann::json history = nlohmann::json::array();
  std::vector<Digest> diff_ids;
  // Descriptors, parallel to `diff_ids`.
  std::vector<nlohmann::json> layers;
  std::map<std::string, std::string> annotations;
  // Of the manifest: everything but the members above and those that every manifest has.
  nlohmann::json others = nlohmann::json::object();
};

// An image's parts and what they came from. A value.
struct TakenApart {
  ImageParts parts;
  Image image;
};

// `image` in `format`, or in its own. INVALID_ARGUMENT if manifest and config disagree on the
// number of layers, or a layer has no type in `format`. Thread-safe, as all here.
absl::StatusOr<TakenApart> TakeApart(const Image& image,
                                     std::optional<ImageFormat> format = std::nullopt);

// The documents of `parts` as canonical JSON. A document that says what that of `original` (may be
// null) says keeps its bytes: nobody's digest changes without a change. INVALID_ARGUMENT if a text
// is not UTF-8 or a member is not what the image spec asks for.
absl::StatusOr<Image> PutTogether(const ImageParts& parts, const TakenApart* original = nullptr);

// The family of media types that a manifest is written in.
ImageFormat FormatOf(const Manifest& manifest);

// Whether an entry of `history` stands for a layer.
bool MakesLayer(const nlohmann::json& entry);

// Seconds since 1970 as configs write times: "2023-11-14T22:13:20Z".
std::string Rfc3339(int64_t seconds);

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_IMAGE_PARTS_H_
