// Images of a few bytes for tests of families.

#ifndef STEVEDORE_CLI_IMAGES_TESTING_SMALL_IMAGES_H_
#define STEVEDORE_CLI_IMAGES_TESTING_SMALL_IMAGES_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/images/family.h"
#include "cli/images/family_image.h"
#include "oci/image/image.h"
#include "oci/image/image_editor.h"
#include "oci/image/platform.h"
#include "transfer/image_sink.h"

namespace stevedore::cli::testing {

// What an image is made of. Layers are named by their content. Plain data.
struct SmallImage {
  std::optional<oci::Image> base = std::nullopt;
  std::vector<std::string> layers = {};
  oci::ConfigChanges changes = {};
  oci::Platform platform = {"linux", "amd64"};
  oci::ImageFormat format = oci::ImageFormat::kOci;
  // Annotated as builds do: the digest of `base`.
  bool annotated = true;
};

// The image as the drivers of builds make it. Fails the test if it cannot be.
oci::Image MakeSmallImage(const SmallImage& order);

// As it would be read from a repository: one manifest, or an index of several.
FamilyImage AsFamilyImage(const std::vector<oci::Image>& images);

// Puts `image` with all its blobs into `sink` under `tag`.
void PutSmallImage(const FamilyImage& image, const std::string& tag, transfer::ImageSink& sink);

// "localhost:5000/ID" with its last `:` for the tag, made by driver `driver`.
FamilyMember SmallMember(const std::string& id, const std::vector<std::string>& parents,
                         int generation = 0, const std::string& driver = "assemble");

}  // namespace stevedore::cli::testing

#endif  // STEVEDORE_CLI_IMAGES_TESTING_SMALL_IMAGES_H_
