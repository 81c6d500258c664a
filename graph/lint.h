// What in a user's files is deprecated, behaves differently from gostevedore, or asks for trouble.

#ifndef STEVEDORE_GRAPH_LINT_H_
#define STEVEDORE_GRAPH_LINT_H_

#include <vector>

#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// Findings about the configuration as a file, and which file it is. Looks at the disk.
void LintConfiguration(const ConfigurationSources& sources, const Configuration& configuration,
                       std::vector<Diagnostic>* findings);

// Findings about images and builders as they are written; `catalog` may have holes. Looks at local
// contexts on disk. Each has a code, and the text says "what; how to change it".
void LintDefinitions(const Catalog& catalog, std::vector<Diagnostic>* findings);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_LINT_H_
