#include "oci/layer/layer_merge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layer/whiteout.h"

namespace stevedore::oci {
namespace {

using Type = LayerEntry::Type;

// Every tar writer links to the first name of a file.
constexpr size_t kMaxLinksInARow = 64;

}  // namespace

void LayerMerge::StartLayer(uint32_t layer) {
  layer_ = layer;
  current_.clear();
  kept_as_.clear();
}

absl::StatusOr<PathTree::Node> LayerMerge::Touch(absl::string_view path) {
  ASSIGN_OR_RETURN(const Node node, tree_.Insert(path));
  if (places_.size() < tree_.size()) places_.resize(tree_.size());
  if (!places_[node].touched) {
    places_[node].touched = true;
    touched_.push_back(node);
  }
  return node;
}

uint32_t LayerMerge::MakeRare(const LayerEntry& entry) {
  if (entry.link_target.empty() && entry.xattrs == nullptr && entry.device_major == 0 &&
      entry.device_minor == 0) {
    return MergeRecord::kNone;
  }
  rare_.push_back({entry.link_target, entry.device_major, entry.device_minor, entry.xattrs});
  return static_cast<uint32_t>(rare_.size() - 1);
}

absl::Status LayerMerge::Add(const TarEntry& tar) {
  const LayerEntry& entry = tar.entry;
  ASSIGN_OR_RETURN(const Whiteout whiteout, ParseWhiteout(entry.path));
  if (whiteout.kind == Whiteout::Kind::kIgnored) return absl::OkStatus();
  if (whiteout.kind != Whiteout::Kind::kNone) {
    ASSIGN_OR_RETURN(const Node hidden, Touch(whiteout.path));
    places_[hidden].here |= whiteout.kind == Whiteout::Kind::kOpaque ? kEmptied : kGone;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Node node, Touch(entry.path));
  MergeRecord record;
  record.node = node;
  record.layer = layer_;
  record.uid = entry.uid;
  record.gid = entry.gid;
  record.size = entry.size;
  record.mtime = std::max<int64_t>(tar.mtime, 0);
  record.content_offset = tar.content_offset;
  record.rare = MakeRare(entry);
  record.mode = static_cast<uint16_t>(entry.mode);
  record.type = entry.type;
  record.climbs = tar.climbs;
  // A later entry for the same path takes the place of an earlier one.
  if (places_[node].current != MergeRecord::kNone) {
    current_[places_[node].current] = record;
  } else {
    places_[node].current = static_cast<uint32_t>(current_.size());
    current_.push_back(record);
  }
  return absl::OkStatus();
}

// Notes how this layer's entries hide those of lower layers.
absl::Status LayerMerge::MarkHere() {
  for (const MergeRecord& record : current_) {
    places_[record.node].here |= record.type == Type::kDirectory ? kDirectory : kGone;
    for (Node up = tree_.Parent(record.node); up != PathTree::kNone; up = tree_.Parent(up)) {
      Place& place = places_[up];
      if (place.current != MergeRecord::kNone && current_[place.current].type != Type::kDirectory) {
        return absl::InvalidArgumentError(absl::StrCat(
            "entry ", base::Quoted(tree_.Path(record.node)), " is below ",
            base::Quoted(tree_.Path(up)), ", which is no directory in the same layer"));
      }
      if ((place.here & kImplied) != 0) break;  // So is everything above.
      place.here |= kImplied;
      if (!place.touched) {
        place.touched = true;
        touched_.push_back(up);
      }
    }
  }
  return absl::OkStatus();
}

bool LayerMerge::HiddenFromAbove(const MergeRecord& record) const {
  const uint8_t own = places_[record.node].above;
  if ((own & (kGone | kDirectory)) != 0) return true;
  if ((own & kImplied) != 0 && record.type != Type::kDirectory) return true;
  for (Node up = tree_.Parent(record.node); up != PathTree::kNone; up = tree_.Parent(up)) {
    if ((places_[up].above & (kGone | kEmptied)) != 0) return true;
  }
  return false;
}

// Whether whoever stands above this layer, which has no entry for `node`, sees nothing of it in the
// layers below.
bool LayerMerge::HiddenHere(Node node) const {
  if ((places_[node].here & (kGone | kImplied)) != 0) return true;
  for (Node up = tree_.Parent(node); up != PathTree::kNone; up = tree_.Parent(up)) {
    if ((places_[up].here & (kGone | kEmptied)) != 0) return true;
  }
  return false;
}

uint32_t LayerMerge::Keep(uint32_t current) {
  if (kept_as_[current] == MergeRecord::kNone) {
    kept_as_[current] = static_cast<uint32_t>(kept_.size());
    kept_.push_back(current_[current]);
  }
  return kept_as_[current];
}

absl::Status LayerMerge::LinkError(uint32_t link, Node target, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat("hard link ",
                                                 base::Quoted(tree_.Path(kept_[link].node)), " to ",
                                                 base::Quoted(tree_.Path(target)), ": ", what));
}

// Looks for the target of kept_[link] in this layer; if it is not there, lower layers will be
// asked.
absl::Status LayerMerge::ResolveLink(uint32_t link, Node target) {
  for (size_t steps = 0; places_[target].current != MergeRecord::kNone; ++steps) {
    const uint32_t found = places_[target].current;
    const Type type = current_[found].type;
    if (type == Type::kDirectory) return LinkError(link, target, "that is a directory");
    if (type != Type::kHardLink) {
      kept_[link].inode = Keep(found);
      return absl::OkStatus();
    }
    if (steps >= kMaxLinksInARow) {
      return LinkError(link, target, "that leads back to the link, or through very many others");
    }
    ASSIGN_OR_RETURN(target, tree_.Insert(rare_[current_[found].rare].link_target));
    if (places_.size() < tree_.size()) places_.resize(tree_.size());
  }
  wants_.push_back({link, target});
  return absl::OkStatus();
}

absl::Status LayerMerge::ResolveWants() {
  std::vector<Want> wants;
  wants.swap(wants_);
  for (const Want& want : wants) {
    if (places_[want.target].current == MergeRecord::kNone && HiddenHere(want.target)) {
      return LinkError(want.link, want.target, "there is no such file in its layer or below");
    }
    RETURN_IF_ERROR(ResolveLink(want.link, want.target));
  }
  return absl::OkStatus();
}

absl::Status LayerMerge::FinishLayer() {
  kept_as_.assign(current_.size(), MergeRecord::kNone);
  RETURN_IF_ERROR(MarkHere());
  RETURN_IF_ERROR(ResolveWants());
  for (uint32_t i = 0; i < current_.size(); ++i) {
    if (HiddenFromAbove(current_[i])) continue;
    const uint32_t kept = Keep(i);
    kept_[kept].visible = true;
    if (current_[i].type == Type::kHardLink) {
      ASSIGN_OR_RETURN(const Node target, tree_.Insert(rare_[current_[i].rare].link_target));
      if (places_.size() < tree_.size()) places_.resize(tree_.size());
      RETURN_IF_ERROR(ResolveLink(kept, target));
    }
  }
  for (const Node node : touched_) {
    Place& place = places_[node];
    place.above |= place.here;
    place.here = 0;
    place.touched = false;
    place.current = MergeRecord::kNone;
  }
  touched_.clear();
  return absl::OkStatus();
}

absl::Status LayerMerge::Finish() const {
  if (wants_.empty()) return absl::OkStatus();
  return LinkError(wants_.front().link, wants_.front().target,
                   "there is no such file in its layer or below");
}

}  // namespace stevedore::oci
