// Layers written down as words, for tests.

#ifndef STEVEDORE_OCI_LAYER_TESTING_LAYER_TEXT_H_
#define STEVEDORE_OCI_LAYER_TESTING_LAYER_TEXT_H_

#include <string>
#include <vector>

#include "oci/layer/merged_filesystem.h"

namespace stevedore::oci::testing {

// The tar of entries in this order: "d/" is a directory, "f=text" a file, "l->target" a symbolic
// link, "h=>target" a hard link, anything else an empty file. Names go in as they are, harmful ones
// too. Aborts on what no tar can hold.
std::string LayerTar(const std::vector<std::string>& items);

// A stream over `blob`, with the name "layer".
LayerStream StreamOf(std::string blob);

// Layers of LayerTar, the bottom one first, named "layer 0" and so on.
std::vector<LayerStream> LayersOf(const std::vector<std::vector<std::string>>& layers);

}  // namespace stevedore::oci::testing

#endif  // STEVEDORE_OCI_LAYER_TESTING_LAYER_TEXT_H_
