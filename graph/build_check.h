// What only shows when every image is put together as for a build.

#ifndef STEVEDORE_GRAPH_BUILD_CHECK_H_
#define STEVEDORE_GRAPH_BUILD_CHECK_H_

#include "graph/catalog.h"
#include "graph/findings.h"

namespace stevedore::graph {

// Resolves every image of `catalog`, which may have holes, and reports references and tags that no
// registry takes or that two images share, and what semantic version tags would do.
void CheckReferences(const Catalog& catalog, Findings* findings);

// Looks at the disk: reports local contexts that are not there, and Dockerfiles that are in none of
// an image's contexts.
void CheckContexts(const Catalog& catalog, Findings* findings);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_BUILD_CHECK_H_
