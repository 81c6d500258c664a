// Documents of parent images.

#ifndef STEVEDORE_WORKER_PARENT_CACHE_H_
#define STEVEDORE_WORKER_PARENT_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {

// Manifest and config of images by manifest digest: hundreds of children start when a hot parent is
// done, and documents named by digest never change. Keeps the last 256. Thread-safe.
class ParentCache {
 public:
  static constexpr size_t kLimit = 256;

  // Reads from `repository` what it does not hold. NOT_FOUND if the repository has no such
  // manifest; DATA_LOSS if what it returned is not what the digest names.
  absl::StatusOr<oci::Image> Get(const oci::Digest& digest, const Repository& repository)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  base::Mutex mu_;
  std::list<oci::Digest> order_ ABSL_GUARDED_BY(mu_);  // Oldest first.
  // Shared: readers copy outside the lock.
  absl::flat_hash_map<oci::Digest, std::shared_ptr<const oci::Image>> images_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_PARENT_CACHE_H_
