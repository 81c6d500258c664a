// Turns what was read from foreign build files into image and builder definitions.

#ifndef STEVEDORE_GRAPH_IMPORT_DEFINITIONS_WRITER_H_
#define STEVEDORE_GRAPH_IMPORT_DEFINITIONS_WRITER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/import/imported_image.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {

// Definitions made of a foreign file. A value.
struct ImportedDefinitions {
  // {builders: {...}, images: {...}}, to be written as YAML.
  nlohmann::ordered_json document;
  // What could not be carried over, in the order of the file.
  std::vector<ImportNote> notes;
  // Groups with the definition names that they name.
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
};

// One global builder with driver `buildkit` and one image for each image of `file`. An image of the
// file that another one uses as a context is named in `build_contexts` as "target:NAME:VERSION",
// which makes it a parent; one of them is the base in `parents`. INVALID_ARGUMENT, with the
// place, for images that use each other in a circle or one that is not there, and for references
// that are none. Thread-safe.
absl::StatusOr<ImportedDefinitions> ToDefinitions(ImportedFile file);

// OK if our own loader takes `yaml`, which was made of such definitions; its errors otherwise.
// Thread-safe.
absl::Status CheckImportedText(const std::string& name, const std::string& yaml);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_DEFINITIONS_WRITER_H_
