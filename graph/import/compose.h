// Reads what compose files say about building images.

#ifndef STEVEDORE_GRAPH_IMPORT_COMPOSE_H_
#define STEVEDORE_GRAPH_IMPORT_COMPOSE_H_

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/import/imported_image.h"

namespace stevedore::graph {

// What a compose file depends on beside its text.
struct ComposeSources {
  // Variables of the environment and of .env, the former over the latter.
  std::map<std::string, std::string> variables;
  // Reads a file that `extends` names, as JoinPath'ed to the folder of the file that names it.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
};

// The services of `text` that are built, and those that they use as contexts. `file` is where it
// is: paths in it are relative to its folder. INVALID_ARGUMENT, with "FILE:line:column", for text
// that is no YAML, values of the wrong shape, services and secrets that are not there, and
// `extends` in a circle. Thread-safe.
absl::StatusOr<ImportedFile> ReadCompose(const std::string& file, absl::string_view text,
                                         const ComposeSources& sources);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_COMPOSE_H_
