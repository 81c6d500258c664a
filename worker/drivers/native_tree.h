// File systems of images while driver `native` builds: layers, and what they are together.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_TREE_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_TREE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "context/tree.h"
#include "oci/layer/layer_entry.h"
#include "worker/drivers/native_content.h"

namespace stevedore::worker::native {

// A file, directory or link of a file system: a part of a LayerTree, valid as long as that.
struct Node {
  const oci::LayerEntry* entry = nullptr;
  const std::shared_ptr<const ContentSource>* contents = nullptr;
  // A directory that no layer describes; others only name what is in it.
  bool implied = false;

  bool IsDirectory() const { return entry->type == oci::LayerEntry::Type::kDirectory; }
  bool IsSymlink() const { return entry->type == oci::LayerEntry::Type::kSymlink; }
};

// What one layer adds, changes and takes away. Immutable; thread-safe.
class LayerTree {
 public:
  // Entries in any order, as a layer has them: whiteouts ("a/.wh.b", "a/.wh..wh..opq") among them;
  // of two with one path the later counts. Hard links to files of this layer become files.
  LayerTree(std::vector<oci::LayerEntry> entries, std::shared_ptr<const ContentSource> contents);

  // A context as if it were a layer, everything owned by root.
  static std::shared_ptr<const LayerTree> OfContext(std::shared_ptr<const context::Tree> tree);

  // Nothing if the layer has no entry for `path`; directories above entries are implied.
  std::optional<Node> Find(absl::string_view path) const;
  // Whether lower layers' `path` cannot be seen through this one.
  bool Hides(absl::string_view path) const;
  // Tells the children of directory `path` ("": the root), sorted by name.
  void ForEachChild(absl::string_view path, const std::function<void(const Node&)>& tell) const;

  // What the layer describes: all entries but implied directories and whiteouts.
  std::vector<oci::LayerEntry> DescribedEntries() const;
  const std::vector<oci::LayerEntry>& entries() const { return entries_; }
  const std::shared_ptr<const ContentSource>& contents() const { return contents_; }

 private:
  size_t LowerBound(absl::string_view path) const;
  Node NodeAt(size_t index) const { return {&entries_[index], &contents_, implied_[index]}; }
  void TakeWhiteouts(std::vector<oci::LayerEntry>& entries);
  void AddImpliedDirectories();
  void ResolveHardLinks();

  std::vector<oci::LayerEntry> entries_;  // Sorted by oci::LayerPathLess; directories all there.
  std::vector<bool> implied_;
  absl::flat_hash_set<std::string> whiteouts_;  // Paths.
  absl::flat_hash_set<std::string> opaque_;     // Paths of directories; "": the root.
  // Targets of entries that are hard links to files of this layer, by index.
  absl::flat_hash_map<size_t, std::string> hard_links_;
  std::shared_ptr<const ContentSource> contents_;
};

// The file system that layers are together, the later ones above. A value that shares its layers.
class FileView {
 public:
  FileView() = default;
  void Add(std::shared_ptr<const LayerTree> layer) { layers_.push_back(std::move(layer)); }
  // All layers of `other` above what there is.
  void Add(const FileView& other) {
    layers_.insert(layers_.end(), other.layers_.begin(), other.layers_.end());
  }

  // The node at `path` ("usr/bin/sh"; not the root), links not followed. Hard links to files of
  // lower layers are those files.
  std::optional<Node> Find(absl::string_view path) const;
  // Children of a directory by name.
  std::map<std::string, Node> Children(absl::string_view path) const;
  bool empty() const { return layers_.empty(); }

  // `path` with all symbolic links followed inside the root: a path without links as far as it
  // exists; the rest as it is. "" is the root. INVALID_ARGUMENT for loops.
  absl::StatusOr<std::string> Resolve(absl::string_view path) const;

  // The content of a file, at most `limit` bytes of it. RESOURCE_EXHAUSTED if it is larger.
  static absl::StatusOr<std::string> Read(const Node& file, uint64_t limit);

 private:
  std::optional<Node> FindFollowing(absl::string_view path, int hard_links) const;

  std::vector<std::shared_ptr<const LayerTree>> layers_;  // Bottom first.
};

// "/a//b/./c" and "a/b/c" as "a/b/c", ".." taken within the root; "" for the root.
std::string CleanPath(absl::string_view path);
// The part before the last "/", or "".
absl::string_view ParentPath(absl::string_view path);
// The part after the last "/".
absl::string_view BaseName(absl::string_view path);
// `folder`/`name`; the other if one is empty.
std::string JoinPath(absl::string_view folder, absl::string_view name);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_TREE_H_
