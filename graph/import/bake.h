// Reads what `docker buildx bake --print` prints.

#ifndef STEVEDORE_GRAPH_IMPORT_BAKE_H_
#define STEVEDORE_GRAPH_IMPORT_BAKE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/import/imported_image.h"

namespace stevedore::graph {

// Groups and targets of `text`; `file` is how messages call it. Variables, functions, `inherits`
// and `matrix` are resolved by bake before it prints. INVALID_ARGUMENT, with a JSON pointer or
// line:column, for text that is no JSON, values of the wrong shape, and names of targets that are
// not there. Thread-safe.
absl::StatusOr<ImportedFile> ReadBake(const std::string& file, absl::string_view text);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_BAKE_H_
