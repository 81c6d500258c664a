// Build contexts as data: a sorted list of entries and a way to read their contents.

#ifndef STEVEDORE_CONTEXT_TREE_H_
#define STEVEDORE_CONTEXT_TREE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "oci/image/digest.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::context {

// One file, directory or symbolic link of a tree. What has no place in a context (owners, times,
// devices) is not here, so that equal trees are equal on every machine.
struct TreeEntry {
  // Raw SHA-256.
  using Sha256 = std::array<char, 32>;

  enum class Type : uint8_t { kFile, kDirectory, kSymlink };

  // Relative to the root, components joined by "/", none of them empty, "." or "..".
  std::string path;
  Type type = Type::kFile;
  // Permission bits as NormalizedMode makes them.
  uint32_t mode = 0644;
  // Bytes of content; 0 unless a file.
  uint64_t size = 0;
  // Of a file's content or a link's target; zero for directories.
  Sha256 digest = {};
  // Of a symbolic link.
  std::string link_target;
  // What Tree::OpenContent of the same tree wants; means nothing elsewhere.
  uint64_t content_id = 0;

  absl::string_view digest_bytes() const { return absl::string_view(digest.data(), digest.size()); }
  // Equal as far as any result can depend on it: everything but `content_id`.
  friend bool operator==(const TreeEntry& a, const TreeEntry& b) {
    return a.path == b.path && a.type == b.type && a.mode == b.mode && a.size == b.size &&
           a.digest == b.digest && a.link_target == b.link_target;
  }
};

// The mode that counts: directories 0755, links 0777, files their bits 07777 minus write for group
// and others (the umask of whoever checked the files out must not change a digest).
uint32_t NormalizedMode(TreeEntry::Type type, uint32_t mode);

// Order of trees: depth first, names bytewise within each directory. So a directory is followed by
// what is in it.
bool PathLess(absl::string_view a, absl::string_view b);

// Copies raw bytes, which must be 32, into the array form.
TreeEntry::Sha256 ToSha256(absl::string_view raw);

// A read-only tree: entries that do not change, and their contents. Thread-safe.
class Tree : public oci::LayerContents {
 public:
  // Sorted by PathLess; every entry's directory is there and stands before it; no path twice.
  const std::vector<TreeEntry>& entries() const { return entries_; }

  // The tree's name, "sha256:...": see tree_digest.h.
  const oci::Digest& digest() const { return digest_; }

  // The entry at `path`, or nullptr. No leading or trailing slash.
  const TreeEntry* Find(absl::string_view path) const;

  // The entries at and below the directory or file `path`, as [first, last) indexes; all of them
  // for "" and "."; equal numbers if there is none.
  std::pair<size_t, size_t> Range(absl::string_view path) const;

  // Reads the content of an entry of type kFile of this tree. Fails if the content is no longer
  // what `entries` says as far as that shows without reading it.
  virtual absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const = 0;

  // As OpenContent of `entry.content_id`, which the caller took from one of this tree's entries;
  // the other fields (path, mode, owner) may have been changed on the way into a layer.
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const final {
    return OpenContent(entry.content_id);
  }

 protected:
  // Entries sorted and complete as `entries()` promises; CheckEntries tells.
  explicit Tree(std::vector<TreeEntry> entries);

 private:
  const std::vector<TreeEntry> entries_;
  const oci::Digest digest_;
};

// INVALID_ARGUMENT naming the entry, unless `entries` are sorted by PathLess, have clean unique
// paths, normalised modes and their directories before them.
absl::Status CheckEntries(const std::vector<TreeEntry>& entries);

// Whether a relative link at `path` climbs above the root on its way, read as text. An absolute one
// never does: it is meant inside the image, and nothing here follows it. Thread-safe.
bool LinkLeadsOut(absl::string_view path, absl::string_view target);

// The paths in which two sorted entry lists differ (added, removed or changed; directories only if
// added or removed), at most `limit`, in order. For telling people why something is built.
std::vector<std::string> ChangedPaths(const std::vector<TreeEntry>& before,
                                      const std::vector<TreeEntry>& after, size_t limit);

// A tree whose contents are strings. Works everywhere, ships for small generated contexts and
// tests.
class MemoryTree final : public Tree {
 public:
  // A file, directory or link to be. For a link `content` is the target.
  struct Item {
    std::string path;
    std::string content;
    TreeEntry::Type type = TreeEntry::Type::kFile;
    uint32_t mode = 0644;
  };
  // Items in any order; directories above an item are added. INVALID_ARGUMENT for unclean or
  // repeated paths.
  static absl::StatusOr<std::unique_ptr<MemoryTree>> Create(std::vector<Item> items);

  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override;

 private:
  MemoryTree(std::vector<TreeEntry> entries, std::vector<std::string> contents)
      : Tree(std::move(entries)), contents_(std::move(contents)) {}
  const std::vector<std::string> contents_;  // By content id.
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_TREE_H_
