// Where the images of a family are.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_PLACES_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_PLACES_H_

#include <memory>

#include "absl/status/statusor.h"
#include "oci/image/reference.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"

namespace stevedore::cli {

// One repository, open. Both members may be one object, hence shared.
struct FamilyPlace {
  std::shared_ptr<transfer::ImageSource> source;
  std::shared_ptr<transfer::ImageSink> sink;
};

// Repositories by their names. Thread-safe.
class FamilyPlaces {
 public:
  virtual ~FamilyPlaces() = default;

  // The repository of `image`; its tag and digest do not matter.
  virtual absl::StatusOr<FamilyPlace> Open(const oci::Reference& image) = 0;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_PLACES_H_
