// A build context as the tar that engines take.

#ifndef STEVEDORE_WORKER_DRIVERS_CONTEXT_TAR_H_
#define STEVEDORE_WORKER_DRIVERS_CONTEXT_TAR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "context/tree.h"
#include "oci/layer/layer_plan.h"

namespace stevedore::worker {

// Streams all entries of a tree as one tar of known size, in constant memory: owner root, one time
// for all, so that equal trees make equal bytes. Not thread-safe.
class ContextTar final : public base::ByteSource {
 public:
  // `mtime` in seconds since 1970. INVALID_ARGUMENT, naming the entry, for what no tar can say.
  static absl::StatusOr<std::unique_ptr<ContextTar>> Create(
      std::shared_ptr<const context::Tree> tree, int64_t mtime);

  // Bytes of the whole tar.
  uint64_t size() const { return *plan_.size(); }
  // Called now and then with the bytes read so far.
  void OnProgress(std::function<void(uint64_t bytes)> progress) { progress_ = std::move(progress); }

  // ABORTED, naming the file, if a file changed since the tree was listed.
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  ContextTar(std::shared_ptr<const context::Tree> tree, oci::LayerPlan plan)
      : tree_(std::move(tree)), plan_(std::move(plan)) {}

  const std::shared_ptr<const context::Tree> tree_;
  oci::LayerPlan plan_;
  std::function<void(uint64_t bytes)> progress_;
  uint64_t position_ = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_CONTEXT_TAR_H_
