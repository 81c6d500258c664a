// Images made by our own driver, for other people's tools to judge.

#ifndef STEVEDORE_TESTS_OCI_IMAGE_WORKSHOP_H_
#define STEVEDORE_TESTS_OCI_IMAGE_WORKSHOP_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/memory_budget.h"
#include "oci/image/image_editor.h"
#include "oci/layout/layout.h"
#include "worker/drivers/driver.h"

namespace stevedore::testing {

// One image to make. Plain data.
struct ImageOrder {
  std::string reference;     // Full, with a tag.
  std::string context;       // Folder.
  std::string options_json;  // Of driver assemble.
  std::vector<worker::ParentImage> parents = {};
  int threads = 2;
};

// Builds images with driver `assemble` and publishes them in an image layout of its own, the way a
// worker does. Not thread-safe.
class ImageWorkshop {
 public:
  // The layout is made at `directory`.
  static absl::StatusOr<std::unique_ptr<ImageWorkshop>> Create(const std::string& directory);

  // Builds for linux on this machine's CPU and publishes under the reference.
  absl::StatusOr<oci::Image> Build(const ImageOrder& order);

  const oci::Layout& layout() const { return layout_; }

 private:
  explicit ImageWorkshop(oci::Layout layout) : layout_(std::move(layout)) {}

  const oci::Layout layout_;
  base::MemoryBudget budget_{256 << 20};
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_OCI_IMAGE_WORKSHOP_H_
