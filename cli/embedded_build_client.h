// The queue of an embedded build as a client sees it.

#ifndef STEVEDORE_CLI_EMBEDDED_BUILD_CLIENT_H_
#define STEVEDORE_CLI_EMBEDDED_BUILD_CLIENT_H_

#include <memory>

#include "cli/build_client.h"

namespace stevedore::coordinator {
class Queue;
}  // namespace stevedore::coordinator

namespace stevedore::cli {

// A client of a queue in this process; `queue` must outlive it and lead.
std::unique_ptr<BuildClient> CreateEmbeddedBuildClient(coordinator::Queue* queue);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_EMBEDDED_BUILD_CLIENT_H_
