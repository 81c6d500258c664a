// Manifests, indexes and configs from anywhere: no crash, never two kinds at once, and what parses
// can be edited.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace oci = stevedore::oci;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<oci::Manifest> manifest = oci::Manifest::Parse(text);
  const absl::StatusOr<oci::Index> index = oci::Index::Parse(text);
  if (manifest.ok() && index.ok()) std::abort();
  if (index.ok()) (void)index->Select(oci::Platform::Host());
  const absl::StatusOr<oci::ImageConfig> config = oci::ImageConfig::Parse(text);
  if (config.ok()) {
    // A manifest with as many layers as the config says, to get through the editor.
    oci::ImageEditor layers(config->platform());
    for (const oci::Digest& diff_id : config->diff_ids()) {
      const oci::Descriptor layer{.media_type = oci::kOciLayer, .digest = diff_id, .size = 1};
      if (!layers.AppendLayer({.diff_id = diff_id, .descriptor = layer}).ok()) std::abort();
    }
    const absl::StatusOr<oci::Image> image = layers.Finish();
    if (!image.ok()) std::abort();
    absl::StatusOr<oci::ImageEditor> editor =
        oci::ImageEditor::Create({.config = *config, .manifest = image->manifest});
    if (!editor.ok()) return 0;
    editor->ChangeConfig({.env = {{"A", "1"}}, .labels = {{"k", "v"}}});
    if (!editor->Finish().ok()) std::abort();
  }
  return 0;
}
