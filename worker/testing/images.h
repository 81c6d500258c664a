// Small images for tests.

#ifndef STEVEDORE_WORKER_TESTING_IMAGES_H_
#define STEVEDORE_WORKER_TESTING_IMAGES_H_

#include <string>
#include <vector>

#include "oci/image/descriptor.h"
#include "oci/image/image_editor.h"
#include "oci/layout/layout.h"

namespace stevedore::worker::testing {

// The descriptor of a layer with these bytes, uncompressed.
oci::Descriptor LayerOf(const std::string& bytes);

// An image of these layers for linux/amd64, `base` below them if not null. Ends the program if that
// fails.
oci::Image ImageOf(const std::vector<std::string>& layers, const oci::Image* base = nullptr);

// Stores layers, config and manifest of `image` in `layout`; under `ref_name` if not empty.
void Store(const oci::Layout& layout, const oci::Image& image,
           const std::vector<std::string>& layers, const std::string& ref_name = "");

}  // namespace stevedore::worker::testing

#endif  // STEVEDORE_WORKER_TESTING_IMAGES_H_
