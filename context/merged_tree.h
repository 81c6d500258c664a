// Several contexts laid over each other.

#ifndef STEVEDORE_CONTEXT_MERGED_TREE_H_
#define STEVEDORE_CONTEXT_MERGED_TREE_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "context/tree.h"

namespace stevedore::context {

// Trees merged in order: where two have the same path, the later one wins with content, type and
// mode. Directories of both are united; a file or link over a directory replaces all of it, and the
// reverse. Thread-safe.
class MergedTree final : public Tree {
 public:
  // An empty list is an empty tree. Shares the trees: their contents are read through them.
  static std::unique_ptr<MergedTree> Create(std::vector<std::shared_ptr<const Tree>> trees);

  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override;

 private:
  // Where a content comes from: index into trees_ and the id there.
  using Origin = std::pair<size_t, uint64_t>;

  MergedTree(std::vector<TreeEntry> entries, std::vector<Origin> origins,
             std::vector<std::shared_ptr<const Tree>> trees)
      : Tree(std::move(entries)), origins_(std::move(origins)), trees_(std::move(trees)) {}

  const std::vector<Origin> origins_;  // By content id.
  const std::vector<std::shared_ptr<const Tree>> trees_;
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_MERGED_TREE_H_
