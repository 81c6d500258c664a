// New images from old ones: layers appended, config changed.

#ifndef STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_
#define STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// Documents of one image on one platform; the blobs of its layers are elsewhere. A value.
struct Image {
  ImageConfig config;
  Manifest manifest;
};

// A layer to be appended.
struct AppendedLayer {
  Digest diff_id;         // Of the uncompressed tar.
  Descriptor descriptor;  // Of the blob; an OCI layer type is converted to the image's format.
  std::string created_by = "stevedore build";
};

// What to change in the `config` member of an image's config; what is not set stays as it is.
struct ConfigChanges {
  // Setting an entrypoint clears an inherited cmd unless `cmd` is set too: it belonged to the old
  // entrypoint.
  std::optional<std::vector<std::string>> entrypoint = std::nullopt;
  std::optional<std::vector<std::string>> cmd = std::nullopt;
  // Known keys are replaced where they are, new ones appended in this order.
  std::vector<std::pair<std::string, std::string>> env = {};
  std::optional<std::string> user = std::nullopt;
  std::optional<std::string> working_dir = std::nullopt;
  std::optional<std::string> stop_signal = std::nullopt;
  std::map<std::string, std::string> labels = {};  // Merged.
  std::vector<std::string> exposed_ports = {};     // "8080/tcp"; added.
  std::vector<std::string> volumes = {};           // Added.
};

// Collects changes and writes the documents of the new image as canonical JSON. Members of the base
// that it does not know are kept. Not thread-safe.
class ImageEditor {
 public:
  // Starts with an image of no layers.
  explicit ImageEditor(const Platform& platform, ImageFormat format = ImageFormat::kOci);

  // Starts with `base`, in its own family of media types unless `format` is given. INVALID_ARGUMENT
  // if its manifest and config disagree on the number of layers, or a layer has no type in
  // `format`.
  static absl::StatusOr<ImageEditor> Create(const Image& base,
                                            std::optional<ImageFormat> format = std::nullopt);

  ImageEditor(ImageEditor&&) noexcept;
  ImageEditor& operator=(ImageEditor&&) noexcept;
  ~ImageEditor();

  // INVALID_ARGUMENT if the layer's type does not exist in the image's format.
  absl::Status AppendLayer(const AppendedLayer& layer);

  // Appends those layers of `other` (with their history) whose diff ids the image does not have
  // yet, in their order. Config members are not taken. Errors as Create.
  absl::Status AppendLayersOf(const Image& other);

  void ChangeConfig(const ConfigChanges& changes);

  // For whoever knows the whole `config` member of the image's config: takes the place of the old
  // one. An object.
  void SetRunConfig(const nlohmann::json& config);
  // A step that made no layer.
  void AppendEmptyStep(const std::string& created_by);
  void SetAuthor(const std::string& author);

  // Merges into the manifest's annotations.
  void Annotate(const std::map<std::string, std::string>& annotations);
  // Drops those of the base: they described the base.
  void ClearAnnotations();
  void SetPlatform(const Platform& platform);
  // `created` of the config and of history entries appended from now on, seconds since 1970.
  // Without it the result has no `created`: a clock would make every build another image.
  void SetSourceDateEpoch(int64_t seconds);

  // The layers so far, bottom first.
  const std::vector<Digest>& diff_ids() const;

  // The new documents. INVALID_ARGUMENT if a text is not UTF-8.
  absl::StatusOr<Image> Finish() const;

 private:
  struct State;
  explicit ImageEditor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_
