// Repositories inside one image layout.

#ifndef STEVEDORE_WORKER_LAYOUT_PROVIDER_H_
#define STEVEDORE_WORKER_LAYOUT_PROVIDER_H_

#include "absl/status/statusor.h"
#include "oci/layout/layout.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Opens every reference in the same layout folder: for embedded builds that push nothing.
// Thread-safe.
class LayoutProvider final : public RepositoryProvider {
 public:
  // `layout` must outlive this and every repository it opened.
  explicit LayoutProvider(const oci::Layout* layout) : layout_(layout) {}

  absl::StatusOr<Repository> Open(const oci::Reference& reference) override;

 private:
  const oci::Layout* const layout_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_LAYOUT_PROVIDER_H_
