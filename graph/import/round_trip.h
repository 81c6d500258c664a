// For tests: what our own loader makes of imported definitions.

#ifndef STEVEDORE_GRAPH_IMPORT_ROUND_TRIP_H_
#define STEVEDORE_GRAPH_IMPORT_ROUND_TRIP_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "graph/import/definitions_writer.h"
#include "graph/import/imported_image.h"
#include "graph/resolved_image.h"

namespace stevedore::graph {

// Every built image of `file` by id, after definitions were made of it, written, loaded and
// resolved; `definitions`, if not null, receives what was made.
absl::StatusOr<std::map<std::string, ResolvedImage>> RoundTrip(
    absl::StatusOr<ImportedFile> file, ImportedDefinitions* definitions = nullptr);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_ROUND_TRIP_H_
