// A directory on disk as the input of a layer.

#ifndef STEVEDORE_OCI_LAYER_DIRECTORY_TREE_H_
#define STEVEDORE_OCI_LAYER_DIRECTORY_TREE_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::oci {

// What the file system says about an entry beyond what a layer holds: enough to see that a file did
// not change.
struct FileStat {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t mtime_ns = 0;  // Since 1970.
  int64_t ctime_ns = 0;
  uint64_t size = 0;  // Bytes.
};

// How to walk.
struct WalkOptions {
  // 0: one per core. The result does not depend on it.
  int threads = 0;
  // Reads extended attributes too (one more system call per entry), as far as they make sense in a
  // layer: `user.*` and `security.capability`.
  bool xattrs = false;
  // False: every name of a file is a file of its own.
  bool hard_links = true;
  // Called with each path (relative to the root) before it is looked into; false leaves the entry
  // and, for a directory, everything below it out. Called from several threads. Null: everything is
  // in.
  absl::AnyInvocable<bool(absl::string_view path, bool is_directory) const> filter = nullptr;
  std::stop_token stop = {};
};

// What a directory held when it was walked, and its contents for as long as they stay. The root's
// own path may be a link; below it no symbolic link is ever followed, so nothing outside is read.
// Move-only; thread-safe once made.
class DirectoryTree final : public LayerContents {
 public:
  // Walks `root`. NOT_FOUND if it is not there, INVALID_ARGUMENT for what is no directory or holds
  // a socket, PERMISSION_DENIED naming the place, CANCELLED. Something that vanishes during the
  // walk is left out.
  static absl::StatusOr<DirectoryTree> Walk(const std::string& root, WalkOptions options = {});

  DirectoryTree(DirectoryTree&&) noexcept;
  DirectoryTree& operator=(DirectoryTree&&) noexcept;
  ~DirectoryTree() override;

  // Everything below the root (not the root), in the order of layers. Modes and owners as on disk.
  // Of several names of one file the first is a file, the others hard links to it. `content_id` is
  // the index here.
  const std::vector<LayerEntry>& entries() const { return entries_; }
  // Gives `entries` away, which is empty then: for handing them to WriteLayer without holding them
  // twice.
  std::vector<LayerEntry> TakeEntries() { return std::move(entries_); }
  // Beside `entries`, by index.
  const std::vector<FileStat>& stats() const { return stats_; }

  // Opens by `content_id`: the entry's other fields may have been changed on the way into a layer.
  // ABORTED, naming the file, if its size, time, or identity are no longer those of the walk.
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override;

 private:
  DirectoryTree(std::string root, base::FileDescriptor directory);
  absl::string_view Path(uint64_t index) const;

  std::string root_;
  base::FileDescriptor directory_;
  std::vector<LayerEntry> entries_;
  std::vector<FileStat> stats_;
  // Paths again, packed, because `entries_` may be taken: entry i is [path_ends_[i-1],
  // path_ends_[i]).
  std::string paths_;
  std::vector<uint64_t> path_ends_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_DIRECTORY_TREE_H_
