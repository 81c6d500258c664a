#include "worker/testing/images.h"

#include <optional>

#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::worker::testing {

oci::Descriptor LayerOf(const std::string& bytes) {
  oci::Descriptor descriptor;
  descriptor.media_type = oci::kOciLayer;
  descriptor.digest = oci::Digest::Of(bytes);
  descriptor.size = bytes.size();
  return descriptor;
}

oci::Image ImageOf(const std::vector<std::string>& layers, const oci::Image* base) {
  oci::Platform platform;
  platform.os = "linux";
  platform.architecture = "amd64";
  oci::ImageEditor editor =
      base == nullptr ? oci::ImageEditor(platform) : oci::ImageEditor::Create(*base).value();
  for (const std::string& bytes : layers) {
    oci::AppendedLayer layer;
    layer.diff_id = oci::Digest::Of(bytes);
    layer.descriptor = LayerOf(bytes);
    EXPECT_OK(editor.AppendLayer(layer));
  }
  return editor.Finish().value();
}

void Store(const oci::Layout& layout, const oci::Image& image,
           const std::vector<std::string>& layers, const std::string& ref_name) {
  for (const std::string& bytes : layers) EXPECT_OK(layout.PutBlob(bytes));
  EXPECT_OK(layout.PutBlob(image.config.bytes()));
  EXPECT_OK(
      layout.PutManifest(image.manifest.bytes(), image.manifest.media_type(),
                         ref_name.empty() ? std::nullopt : std::optional<std::string>(ref_name)));
}

}  // namespace stevedore::worker::testing
