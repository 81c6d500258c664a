// New images from old ones: layers appended, config changed.

#ifndef STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_
#define STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "oci/image/config_changes.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// A layer to be appended.
struct AppendedLayer {
  Digest diff_id;         // Of the uncompressed tar.
  Descriptor descriptor;  // Of the blob; an OCI layer type is converted to the image's format.
  std::string created_by = "stevedore build";
};

// Collects changes and writes the documents of the new image as canonical JSON. Members of the base
// that it does not know are kept; a document in which nothing changed keeps its bytes. Not
// thread-safe.
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

  // A layer may be there already: twice the same tar is two layers. INVALID_ARGUMENT if the layer's
  // type does not exist in the image's format.
  absl::Status AppendLayer(const AppendedLayer& layer);

  // Appends those layers of `other` (with their history) whose diff ids the image does not have
  // yet, in their order. Config members are not taken. Errors as Create.
  absl::Status AppendLayersOf(const Image& other);

  // Puts another blob in the place of layer `position` (from the bottom, 0 the first), for layers
  // that were written anew; history and order stay, `created_by` is not used. OUT_OF_RANGE if there
  // is no such layer; otherwise as AppendLayer.
  absl::Status ReplaceLayer(size_t position, const AppendedLayer& layer);

  // Drops all layers and the history: for an image that is put together anew from one layer.
  void RemoveAllLayers();

  void ChangeConfig(const ConfigChanges& changes);

  // For whoever knows the whole `config` member of the image's config: takes the place of the old
  // one. An object.
  void SetRunConfig(const nlohmann::json& config);
  // Lets `edit` change the `config` member in place, which is an object and must stay one.
  void EditRunConfig(absl::FunctionRef<void(nlohmann::json& config)> edit);
  // A step that made no layer.
  void AppendEmptyStep(const std::string& created_by);
  void SetAuthor(const std::string& author);

  // Merges into the manifest's annotations.
  void Annotate(const std::map<std::string, std::string>& annotations);
  // Missing is fine.
  void RemoveAnnotation(const std::string& name);
  // Drops annotations, subject and artifact type of the base: they described the base.
  void ClearAnnotations();
  // What the image is attached to; nullopt: nothing.
  void SetSubject(const std::optional<Descriptor>& subject);
  // Empty: none.
  void SetArtifactType(const std::string& artifact_type);

  void SetPlatform(const Platform& platform);
  // `created` of the config and of history entries appended from now on, seconds since 1970.
  // Without it the result has no `created`: a clock would make every build another image.
  void SetSourceDateEpoch(int64_t seconds);
  // Without a source date, `created` stays that of the base: for changes after which it is the same
  // image to people.
  void KeepCreated();
  // Every time there is becomes `seconds` since 1970: `created` of the config and of all history
  // entries, the base's too.
  void SetAllTimes(int64_t seconds);

  // The layers so far, bottom first.
  const std::vector<Digest>& diff_ids() const;
  // The family of media types that is written.
  ImageFormat format() const;

  // The new documents. INVALID_ARGUMENT if a text is not UTF-8, or an edited member is not what the
  // image spec asks for.
  absl::StatusOr<Image> Finish() const;

 private:
  struct State;
  explicit ImageEditor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_IMAGE_EDITOR_H_
