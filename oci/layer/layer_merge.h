// The rules by which layers hide each other; see merged_filesystem.h.

#ifndef STEVEDORE_OCI_LAYER_LAYER_MERGE_H_
#define STEVEDORE_OCI_LAYER_LAYER_MERGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/path_tree.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::oci {

// An entry of a layer without its path and with rare things elsewhere: there may be millions.
struct MergeRecord {
  static constexpr uint32_t kNone = UINT32_MAX;

  PathTree::Node node = PathTree::kNone;
  uint32_t layer = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  int64_t mtime = 0;
  uint64_t content_offset = 0;
  uint32_t rare = kNone;  // Index into LayerMerge::Rare.
  // Of a hard link: the record that has its content. Of others: kNone.
  uint32_t inode = kNone;
  uint16_t mode = 0;
  LayerEntry::Type type = LayerEntry::Type::kFile;
  bool climbs = false;
  bool visible = false;  // False: only there because hard links need it.
};

// Takes the entries of layers, the topmost layer first, and keeps those that can be seen from
// above. Not thread-safe.
class LayerMerge {
 public:
  // What few entries have.
  struct Rare {
    std::string link_target;
    uint32_t device_major = 0;
    uint32_t device_minor = 0;
    std::shared_ptr<const std::vector<std::pair<std::string, std::string>>> xattrs = nullptr;
  };

  explicit LayerMerge(uint64_t max_paths) : tree_(max_paths) {}

  // Starts the next layer below; `layer` is its number from the bottom.
  void StartLayer(uint32_t layer);
  // INVALID_ARGUMENT for a whiteout without a name; RESOURCE_EXHAUSTED for too many paths.
  absl::Status Add(const TarEntry& entry);
  // INVALID_ARGUMENT for entries below a file of the same layer, and hard links to directories or
  // in circles.
  absl::Status FinishLayer();
  // After the bottom layer. INVALID_ARGUMENT for hard links to what no layer has.
  absl::Status Finish() const;

  const PathTree& tree() const { return tree_; }
  // What is visible, and what hard links need. At most one visible record per node.
  const std::vector<MergeRecord>& records() const { return kept_; }
  const Rare& rare(uint32_t index) const { return rare_[index]; }

 private:
  using Node = PathTree::Node;

  // How layers above hide a path. Bits.
  enum Hiding : uint8_t {
    kGone = 1,       // The path and everything below it.
    kEmptied = 2,    // Everything below the path.
    kDirectory = 4,  // The path itself; there is a directory above.
    kImplied = 8,    // The path itself unless it is a directory: something above is below it.
  };
  // What is known about a node.
  struct Place {
    uint8_t above = 0;                      // Hiding by the layers above this one.
    uint8_t here = 0;                       // Hiding by this layer.
    bool touched = false;                   // Is in `touched_`.
    uint32_t current = MergeRecord::kNone;  // This layer's record, index into `current_`.
  };
  // A hard link of a layer above that looks for its target.
  struct Want {
    uint32_t link;  // Index into `kept_`.
    Node target;
  };

  absl::StatusOr<Node> Touch(absl::string_view path);
  uint32_t MakeRare(const LayerEntry& entry);
  absl::Status MarkHere();
  bool HiddenFromAbove(const MergeRecord& record) const;
  bool HiddenHere(Node node) const;
  uint32_t Keep(uint32_t current);
  absl::Status ResolveWants();
  absl::Status ResolveLink(uint32_t link, Node target);
  absl::Status LinkError(uint32_t link, Node target, absl::string_view what) const;

  PathTree tree_;
  std::vector<Place> places_;  // By node.
  std::vector<Rare> rare_;
  std::vector<MergeRecord> kept_;
  std::vector<Want> wants_;
  // Of the layer that is being added.
  uint32_t layer_ = 0;
  std::vector<MergeRecord> current_;
  std::vector<uint32_t> kept_as_;  // By index into `current_`: index into `kept_`.
  std::vector<Node> touched_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_LAYER_MERGE_H_
