// Paths of very many files in little memory.

#ifndef STEVEDORE_OCI_LAYER_PATH_TREE_H_
#define STEVEDORE_OCI_LAYER_PATH_TREE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::oci {

// A set of paths as a tree of their components, each component stored once: a hostile path of 2000
// components costs 2000 nodes, not 2000 prefixes. Nodes are numbered from 0, the root, in the order
// of their making, so that callers keep what they know about a path in a vector beside this. Not
// thread-safe.
class PathTree {
 public:
  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = UINT32_MAX;

  // At most `max_nodes` nodes, the root included.
  explicit PathTree(uint64_t max_nodes);
  PathTree(PathTree&&) noexcept;
  PathTree& operator=(PathTree&&) noexcept;
  ~PathTree();

  // The node of `path` (normalised: no leading or trailing "/", no empty components; "" is the
  // root), made with all above it if it is new. RESOURCE_EXHAUSTED above `max_nodes`.
  absl::StatusOr<Node> Insert(absl::string_view path);

  // kNone if it was never inserted.
  Node Find(absl::string_view path) const;

  // kNone for the root.
  Node Parent(Node node) const { return (*nodes_)[node].parent; }
  // The last component; valid as long as the tree.
  absl::string_view Name(Node node) const;
  std::string Path(Node node) const;
  // Nodes so far.
  size_t size() const { return nodes_->size(); }

  // All nodes in the order of layers (LayerPathLess): parents before children, names bytewise. The
  // root comes first.
  std::vector<Node> InOrder() const;

 private:
  struct Item {
    Node parent;
    uint32_t name_size;
    const char* name;
  };
  struct Key {
    Node parent;
    absl::string_view name;
  };
  class Index;

  const char* Store(absl::string_view name);

  uint64_t max_nodes_;
  std::unique_ptr<std::vector<Item>> nodes_;  // The index points to it.
  std::unique_ptr<Index> index_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t chunk_left_ = 0;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_PATH_TREE_H_
