// Bytes between a command inside a build and an SSH agent on this machine.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_AGENT_RELAY_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_AGENT_RELAY_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker {

// Connects to the agent at the unix socket `path` and moves bytes both ways until either side
// closes. `read` and `write` are the other side, called from one thread each, false once it is
// gone; `close` makes a waiting `read` return. UNAVAILABLE if the agent cannot be reached.
absl::Status RelayAgent(const std::string& path, const std::function<bool(std::string*)>& read,
                        const std::function<bool(absl::string_view)>& write,
                        const std::function<void()>& close);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_AGENT_RELAY_H_
