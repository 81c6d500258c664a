#include "worker/layout_provider.h"

#include <memory>

#include "transfer/layout_repository.h"

namespace stevedore::worker {

absl::StatusOr<Repository> LayoutProvider::Open(const oci::Reference& reference) {
  const auto both = std::make_shared<transfer::LayoutRepository>(layout_, reference);
  Repository repository;
  repository.source = both;
  repository.sink = both;
  return repository;
}

}  // namespace stevedore::worker
