#include "oci/layer/path_tree.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kChunkBytes = 1 << 16;

}  // namespace

// Children by parent and name. The set holds numbers of nodes and looks names up in `items`, which
// lives beside it: a string of its own for each would double the memory.
class PathTree::Index {
 public:
  explicit Index(const std::vector<Item>* items) : set_(0, Hash{items}, Equal{items}) {}

  Node Find(const Key& key) const {
    const auto found = set_.find(key);
    return found == set_.end() ? kNone : *found;
  }
  void Insert(Node node) { set_.insert(node); }

 private:
  struct Hash {
    using is_transparent = void;
    const std::vector<Item>* items;
    size_t operator()(const Key& key) const { return absl::HashOf(key.parent, key.name); }
    size_t operator()(Node node) const {
      const Item& item = (*items)[node];
      return absl::HashOf(item.parent, absl::string_view(item.name, item.name_size));
    }
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Item>* items;
    bool operator()(Node a, Node b) const { return a == b; }
    bool operator()(Node a, const Key& b) const {
      const Item& item = (*items)[a];
      return item.parent == b.parent && absl::string_view(item.name, item.name_size) == b.name;
    }
    bool operator()(const Key& a, Node b) const { return (*this)(b, a); }
  };

  absl::flat_hash_set<Node, Hash, Equal> set_;
};

PathTree::PathTree(uint64_t max_nodes)
    : max_nodes_(std::min<uint64_t>(max_nodes, kNone)),
      nodes_(std::make_unique<std::vector<Item>>()),
      index_(std::make_unique<Index>(nodes_.get())) {
  nodes_->push_back({kNone, 0, ""});
}

PathTree::PathTree(PathTree&&) noexcept = default;
PathTree& PathTree::operator=(PathTree&&) noexcept = default;
PathTree::~PathTree() = default;

absl::StatusOr<PathTree::Node> PathTree::Insert(absl::string_view path) {
  Node node = kRoot;
  while (!path.empty()) {
    const absl::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    Node child = index_->Find({node, name});
    if (child == kNone) {
      if (nodes_->size() >= max_nodes_) {
        return absl::ResourceExhaustedError(
            absl::StrCat("more than the ", max_nodes_, " paths allowed"));
      }
      child = static_cast<Node>(nodes_->size());
      nodes_->push_back({node, static_cast<uint32_t>(name.size()), Store(name)});
      index_->Insert(child);
    }
    node = child;
  }
  return node;
}

PathTree::Node PathTree::Find(absl::string_view path) const {
  Node node = kRoot;
  while (!path.empty() && node != kNone) {
    const absl::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    node = index_->Find({node, name});
  }
  return node;
}

absl::string_view PathTree::Name(Node node) const {
  return absl::string_view((*nodes_)[node].name, (*nodes_)[node].name_size);
}

std::string PathTree::Path(Node node) const {
  size_t size = 0;
  for (Node up = node; up != kRoot; up = Parent(up)) size += (*nodes_)[up].name_size + 1;
  if (size == 0) return "";
  std::string path(size - 1, '/');
  size_t end = path.size();
  for (Node up = node; up != kRoot; up = Parent(up)) {
    const Item& item = (*nodes_)[up];
    std::memcpy(path.data() + end - item.name_size, item.name, item.name_size);
    end -= item.name_size;
    if (end > 0) --end;
  }
  return path;
}

std::vector<PathTree::Node> PathTree::InOrder() const {
  // Siblings next to each other and sorted, then walked from the root with a stack.
  std::vector<Node> siblings(nodes_->size());
  std::iota(siblings.begin(), siblings.end(), Node{0});
  std::sort(siblings.begin(), siblings.end(), [this](Node a, Node b) {
    if (Parent(a) != Parent(b)) return Parent(a) < Parent(b);
    return Name(a) < Name(b);
  });
  // Where the children of each node are among the siblings; the root, whose parent is kNone, is
  // last.
  std::vector<uint32_t> first(nodes_->size() + 1, 0);
  for (Node node = 1; node < nodes_->size(); ++node) ++first[Parent(node) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  std::vector<Node> order;
  order.reserve(nodes_->size());
  std::vector<Node> stack = {kRoot};
  while (!stack.empty()) {
    const Node node = stack.back();
    stack.pop_back();
    order.push_back(node);
    for (uint32_t i = first[node + 1]; i > first[node]; --i) stack.push_back(siblings[i - 1]);
  }
  return order;
}

// Names live in chunks that never move.
const char* PathTree::Store(absl::string_view name) {
  if (name.size() > chunk_left_) {
    const size_t size = std::max(kChunkBytes, name.size());
    chunks_.push_back(std::make_unique<char[]>(size));
    next_ = chunks_.back().get();
    chunk_left_ = size;
  }
  char* stored = next_;
  std::memcpy(stored, name.data(), name.size());
  next_ += name.size();
  chunk_left_ -= name.size();
  return stored;
}

}  // namespace stevedore::oci
