#include "worker/registry_provider.h"

#include <memory>

#include "transfer/registry_repository.h"

namespace stevedore::worker {

absl::StatusOr<Repository> RegistryProvider::Open(const oci::Reference& reference) {
  base::MutexLock lock(&mu_);
  Repository& repository = repositories_[reference.Name()];
  if (repository.source == nullptr) {
    const auto both = std::make_shared<transfer::RegistryRepository>(client_, reference);
    repository.source = both;
    repository.sink = both;
    repository.mount_domain = reference.ApiHost();
  }
  return repository;
}

}  // namespace stevedore::worker
