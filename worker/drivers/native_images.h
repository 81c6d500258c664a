// Images that a Dockerfile names, for driver `native`.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_IMAGES_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_IMAGES_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/image_editor.h"
#include "oci/image/platform.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"
#include "worker/drivers/native_tree.h"
#include "worker/repository_provider.h"

namespace stevedore::worker::native {

// An image and where its blobs are. Shared by the stages that use it.
struct FoundImage {
  std::string reference;  // "shop/base:1@sha256:..."
  oci::Image image;
  ImagePlace place;
  std::optional<int> parent;  // Index into BuildRequest::parents.
};

// Finds images and reads their layers, each once per build. Not thread-safe; the contents of the
// trees it makes are.
class ImageFinder {
 public:
  // All must outlive the finder and the trees that it makes.
  ImageFinder(const DriverResources* resources, const BuildRequest* request, std::stop_token stop)
      : resources_(resources), request_(request), stop_(std::move(stop)) {}

  // The image called `name` for `platform`: a parent of the request if that is meant (the same
  // reference, or the same digest), else one of a registry. Errors name the image and where it was
  // looked for.
  absl::StatusOr<std::shared_ptr<const FoundImage>> Find(absl::string_view name,
                                                         const oci::Platform& platform);

  // BuildRequest::parents[`parent`], and where it is.
  absl::StatusOr<std::shared_ptr<FoundImage>> Parent(int parent);

  // The image's file system. Layers that were never seen on this machine are read from its
  // repository; what is in them is remembered in the cache folder.
  absl::StatusOr<FileView> Files(const std::shared_ptr<const FoundImage>& image);

 private:
  std::optional<int> ParentNamed(const oci::Reference& reference) const;
  absl::StatusOr<std::shared_ptr<FoundImage>> FindElsewhere(const oci::Reference& reference,
                                                            const oci::Platform& platform);
  absl::StatusOr<std::shared_ptr<FoundImage>> Read(RepositoryProvider* provider,
                                                   const oci::Reference& reference,
                                                   const oci::Platform& platform);

  const DriverResources* const resources_;
  const BuildRequest* const request_;
  const std::stop_token stop_;
  std::map<std::string, std::shared_ptr<const FoundImage>> images_;
  std::map<std::string, std::shared_ptr<const LayerTree>> layers_;  // By diff id.
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_IMAGES_H_
