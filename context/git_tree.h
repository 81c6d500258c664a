// A commit's files as a tree. Included by this room's git_*.cc files only.

#ifndef STEVEDORE_CONTEXT_GIT_TREE_H_
#define STEVEDORE_CONTEXT_GIT_TREE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/memory_budget.h"
#include "context/git_library.h"
#include "context/git_mirror.h"
#include "context/git_mirrors.h"
#include "context/tree.h"

namespace stevedore::context::git {

// Read from bare mirrors, blob by blob, without a checkout. Thread-safe.
class GitTree final : public Tree {
 public:
  // What a tree is read with.
  struct Options {
    int threads = 2;
    // Of contents read whole. Shared with all trees of one cache; outlives them.
    std::shared_ptr<base::MemoryBudget> memory;
    // Where large contents are put for a while.
    std::string spool_directory;
    // The mirror of a submodule, with `commit` in it.
    std::function<absl::StatusOr<std::shared_ptr<Mirror>>(
        const GitPlace& parent, const std::string& url, const std::string& commit)>
        open_submodule;
    std::stop_token stop;
  };

  // See GitMirrors::OpenTree. DATA_LOSS if a mirror turns out to be damaged: it is marked.
  static absl::StatusOr<std::shared_ptr<const GitTree>> Open(std::shared_ptr<Mirror> mirror,
                                                             const std::string& commit,
                                                             const std::string& subdirectory,
                                                             const Options& options);

  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override;

 private:
  friend class TreeWalk;
  // Where a content is.
  struct Blob {
    uint32_t mirror = 0;  // Index into mirrors_.
    git_oid id = {};
  };

  GitTree(std::vector<TreeEntry> entries, std::vector<Blob> blobs,
          std::vector<std::shared_ptr<Mirror>> mirrors, Options options);

  const std::vector<Blob> blobs_;  // By content id.
  const std::vector<std::shared_ptr<Mirror>> mirrors_;
  const std::shared_ptr<base::MemoryBudget> memory_;
  const std::string spool_directory_;
};

}  // namespace stevedore::context::git

#endif  // STEVEDORE_CONTEXT_GIT_TREE_H_
