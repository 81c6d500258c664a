// What an engine is told before it builds: names of parents, logins, the query of POST /build.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKER_INPUTS_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKER_INPUTS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/credential.h"
#include "credentials/credential_store.h"
#include "graph/dockerfile_options.h"
#include "transfer/docker_engine.h"
#include "worker/drivers/dockerfile_references.h"
#include "worker/drivers/driver.h"

namespace stevedore::worker {

// Where a parent is for the engine: "registry/ns/name:1.2@sha256:…" or a name of its own in the
// engine.
struct PinnedParent {
  std::string reference;  // To stand in a Dockerfile.
  std::string tag;        // What is behind the name: "1.2@sha256:…".
};

// `parent` by its digest, for an engine that pulls it from its registry. INVALID_ARGUMENT if its
// reference is none. Thread-safe, as all here.
absl::StatusOr<PinnedParent> PinByDigest(const ParentImage& parent);

// The build arguments of `request` with the automatic ones about the base pinned. What the user set
// stays.
std::map<std::string, std::string> PinnedArguments(const BuildRequest& request,
                                                   const std::vector<PinnedParent>& parents);

// The context of `request` with the parents that its Dockerfile names itself pinned too. NOT_FOUND
// if there is no file at `path`, RESOURCE_EXHAUSTED if it has more than 4 MiB.
struct PinnedContext {
  std::shared_ptr<const context::Tree> tree;
  // What the Dockerfile then names.
  std::vector<DockerfileReference> references;
};
absl::StatusOr<PinnedContext> PinContext(const BuildRequest& request, const std::string& path,
                                         const std::map<std::string, std::string>& arguments,
                                         const std::vector<PinnedParent>& parents);

// Logins for every registry that the build may ask: of the image itself, its parents, everything
// its Dockerfile names, and cache_from. By registry; `store` may be null. Errors of the store.
absl::StatusOr<std::map<std::string, credentials::Credential>> FindLogins(
    const BuildRequest& request, const std::vector<DockerfileReference>& references,
    const graph::DockerfileOptions& options, const credentials::CredentialStore* store);

// The query of POST /build. `platform` is empty where the engine builds for its own.
transfer::EngineQuery BuildQuery(const graph::DockerfileOptions& options,
                                 const std::map<std::string, std::string>& arguments,
                                 const std::map<std::string, std::string>& labels,
                                 absl::string_view platform, absl::string_view tag);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKER_INPUTS_H_
