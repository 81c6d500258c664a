// A build's options as BuildKit takes them, and what its session serves.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_SOLVE_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_SOLVE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "context/tree.h"
#include "credentials/credential.h"
#include "credentials/credential_store.h"
#include "graph/buildkit_options.h"
#include "worker/drivers/buildkit/client.h"
#include "worker/drivers/docker_inputs.h"
#include "worker/drivers/driver.h"

namespace stevedore::worker {

// The request without exporter. `local_parents`: some base is only in the engine, so the engine's
// images are looked at first. Thread-safe, as all here.
Solve MakeSolve(const graph::BuildkitOptions& options, const BuildRequest& request,
                const std::map<std::string, std::string>& arguments, bool local_parents);

// Named contexts that are images of this build ("docker-image://reg/base:1.2" where a parent has
// that reference) become the parents that `pinned` says, in the order of the request's: the tag has
// not moved yet.
void PinContexts(const BuildRequest& request, const std::vector<PinnedParent>& pinned,
                 Solve* solve);

// The folder that BuildKit reads the Dockerfile from: that file alone, as ignore rules were applied
// before and must not be applied twice. NOT_FOUND if `tree` has no such file.
absl::StatusOr<std::shared_ptr<const context::Tree>> DockerfileFolder(const context::Tree& tree,
                                                                      const std::string& path);

// Images that the options name beside the Dockerfile's: caches, a frontend, named contexts.
std::vector<std::string> ImagesOf(const graph::BuildkitOptions& options);

// The login for `host` ("registry-1.docker.io" is Docker Hub) among `logins`, which are by
// registry.
std::optional<credentials::Credential> LoginFor(
    const std::string& host, const std::map<std::string, credentials::Credential>& logins);

// The secrets themselves. NOT_FOUND naming id and place for one that is not there.
absl::StatusOr<std::map<std::string, base::Secret>> ReadSecrets(
    const std::vector<graph::BuildSecret>& secrets,
    const std::map<std::string, std::string>& environment,
    const credentials::CredentialStore* store);

// Sockets by id. NOT_FOUND where SSH_AUTH_SOCK is needed and not set.
absl::StatusOr<std::map<std::string, std::string>> FindAgents(
    const std::map<std::string, std::string>& ssh,
    const std::map<std::string, std::string>& environment);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_SOLVE_H_
