// A directory on this machine's disk as a tree.

#ifndef STEVEDORE_CONTEXT_LOCAL_TREE_H_
#define STEVEDORE_CONTEXT_LOCAL_TREE_H_

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "base/clock.h"
#include "context/ignore_rules.h"
#include "context/stat_cache.h"
#include "context/tree.h"
#include "oci/layer/directory_tree.h"

namespace stevedore::context {

// How LocalTree::Open reads.
struct LocalTreeOptions {
  // Who names this context, for messages: "image web:1.0 (images/web.yaml:12)". Empty: not said.
  std::string owner;
  // Threads that walk and hash.
  int threads = 2;
  // Digests known from earlier; may be null. Must outlive the call.
  StatCache* stat_cache = nullptr;
  const base::Clock* clock = &base::Clock::System();
  // What is left out: neither looked into nor read. Null: nothing. Must outlive the call.
  const IgnoreRules* ignore = nullptr;
  std::stop_token stop;
};

// A snapshot of a directory: its entries are read once, contents are opened when asked and refused
// when the file has changed since. Never follows links. Thread-safe.
class LocalTree final : public Tree {
 public:
  // Walks `path` and digests its files. Sockets, fifos and devices are left out with a warning (see
  // `warnings`). Links are kept as they are: absolute targets are meant inside the image.
  // NOT_FOUND: no such folder; the message names folder, owner and remedy. INVALID_ARGUMENT: not a
  // folder, or it holds a relative link that leads out of it. ABORTED: files changed while they
  // were read. CANCELLED: `stop`.
  static absl::StatusOr<std::unique_ptr<LocalTree>> Open(const std::string& path,
                                                         const LocalTreeOptions& options = {});

  // ABORTED, naming the file, if it has changed since Open.
  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override;

  // What was left out, one sentence each; at most 20 and a count.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::string& root() const { return root_; }

 private:
  LocalTree(std::vector<TreeEntry> entries, std::string root, oci::DirectoryTree directory,
            std::vector<std::string> warnings)
      : Tree(std::move(entries)),
        root_(std::move(root)),
        directory_(std::move(directory)),
        warnings_(std::move(warnings)) {}

  const std::string root_;
  const oci::DirectoryTree directory_;
  const std::vector<std::string> warnings_;
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_LOCAL_TREE_H_
