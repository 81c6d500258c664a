// Repositories of registries.

#ifndef STEVEDORE_WORKER_REGISTRY_PROVIDER_H_
#define STEVEDORE_WORKER_REGISTRY_PROVIDER_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "transfer/registry_client.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Opens every reference in the registry that it names, through one client. Thread-safe.
class RegistryProvider final : public RepositoryProvider {
 public:
  // `client` must outlive this and every repository it opened.
  explicit RegistryProvider(transfer::RegistryClient* client) : client_(client) {}

  absl::StatusOr<Repository> Open(const oci::Reference& reference) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  transfer::RegistryClient* const client_;
  base::Mutex mu_;
  absl::flat_hash_map<std::string, Repository> repositories_ ABSL_GUARDED_BY(mu_);  // By name.
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_REGISTRY_PROVIDER_H_
