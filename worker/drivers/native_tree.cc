#include "worker/drivers/native_tree.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "oci/layer/tar_header.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;

constexpr absl::string_view kWhiteout = ".wh.";
constexpr absl::string_view kOpaque = ".wh..wh..opq";
// As in Linux.
constexpr int kMaxLinks = 40;

bool IsBelow(absl::string_view path, absl::string_view folder) {
  if (folder.empty()) return true;
  return path.size() > folder.size() && path[folder.size()] == '/' &&
         absl::StartsWith(path, folder);
}

}  // namespace

std::string CleanPath(absl::string_view path) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return absl::StrJoin(parts, "/");
}

absl::string_view ParentPath(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : path.substr(0, slash);
}

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

std::string JoinPath(absl::string_view folder, absl::string_view name) {
  if (folder.empty()) return std::string(name);
  return name.empty() ? std::string(folder) : absl::StrCat(folder, "/", name);
}

LayerTree::LayerTree(std::vector<LayerEntry> entries, std::shared_ptr<const ContentSource> contents)
    : contents_(std::move(contents)) {
  TakeWhiteouts(entries);
  const auto less = [](const LayerEntry& a, const LayerEntry& b) {
    return oci::LayerPathLess(a.path, b.path);
  };
  if (!std::is_sorted(entries.begin(), entries.end(), less)) {
    std::stable_sort(entries.begin(), entries.end(), less);
  }
  for (LayerEntry& entry : entries) {
    if (!entries_.empty() && entries_.back().path == entry.path) {
      entries_.back() = std::move(entry);  // The later one.
    } else {
      entries_.push_back(std::move(entry));
    }
  }
  AddImpliedDirectories();
  ResolveHardLinks();
}

void LayerTree::TakeWhiteouts(std::vector<LayerEntry>& entries) {
  const auto end = std::remove_if(entries.begin(), entries.end(), [this](const LayerEntry& entry) {
    const absl::string_view name = BaseName(entry.path);
    if (!absl::StartsWith(name, kWhiteout)) return false;
    const absl::string_view folder = ParentPath(entry.path);
    if (name == kOpaque) {
      opaque_.emplace(folder);
    } else {
      whiteouts_.insert(JoinPath(folder, name.substr(kWhiteout.size())));
    }
    return true;
  });
  entries.erase(end, entries.end());
}

void LayerTree::AddImpliedDirectories() {
  std::vector<LayerEntry> all;
  std::vector<bool> implied;
  all.reserve(entries_.size());
  implied.reserve(entries_.size());
  std::string folder;  // The directory that the last entry was in or made, and those above.
  for (LayerEntry& entry : entries_) {
    const absl::string_view parent = ParentPath(entry.path);
    // Sorted: what is missing of the parents is missing right here.
    for (size_t end = 0; !parent.empty() && end != absl::string_view::npos;) {
      end = parent.find('/', end == 0 ? 0 : end + 1);
      const absl::string_view part = parent.substr(0, end);
      if (folder == part || IsBelow(folder, part)) continue;
      LayerEntry made;
      made.path = std::string(part);
      made.type = LayerEntry::Type::kDirectory;
      made.mode = 0755;
      all.push_back(std::move(made));
      implied.push_back(true);
    }
    folder = entry.type == LayerEntry::Type::kDirectory ? entry.path : std::string(parent);
    all.push_back(std::move(entry));
    implied.push_back(false);
  }
  entries_ = std::move(all);
  implied_ = std::move(implied);
}

void LayerTree::ResolveHardLinks() {
  for (LayerEntry& entry : entries_) {
    if (entry.type != LayerEntry::Type::kHardLink) continue;
    // Links to links go back to a file; those to lower layers are left for the view.
    const LayerEntry* target = &entry;
    for (int i = 0; i < kMaxLinks && target->type == LayerEntry::Type::kHardLink; ++i) {
      const size_t index = LowerBound(target->link_target);
      if (index == entries_.size() || entries_[index].path != target->link_target) break;
      target = &entries_[index];
    }
    if (target->type != LayerEntry::Type::kFile) continue;
    // Never a link to a link.
    const auto known = hard_links_.find(target - entries_.data());
    hard_links_[&entry - entries_.data()] =
        known == hard_links_.end() ? target->path : known->second;
    std::string path = std::move(entry.path);
    entry = LayerEntry(*target);
    entry.path = std::move(path);
  }
}

std::shared_ptr<const LayerTree> LayerTree::OfContext(std::shared_ptr<const context::Tree> tree) {
  std::vector<LayerEntry> entries;
  entries.reserve(tree->entries().size());
  for (const context::TreeEntry& from : tree->entries()) {
    LayerEntry entry;
    entry.path = from.path;
    entry.mode = from.mode;
    entry.content_id = entries.size();
    switch (from.type) {
      case context::TreeEntry::Type::kFile:
        entry.size = from.size;
        break;
      case context::TreeEntry::Type::kDirectory:
        entry.type = LayerEntry::Type::kDirectory;
        break;
      case context::TreeEntry::Type::kSymlink:
        entry.type = LayerEntry::Type::kSymlink;
        entry.link_target = from.link_target;
        break;
    }
    entries.push_back(std::move(entry));
  }
  auto contents = std::make_shared<ContextContent>(std::move(tree));
  return std::make_shared<LayerTree>(std::move(entries), std::move(contents));
}

std::vector<LayerEntry> LayerTree::DescribedEntries() const {
  std::vector<LayerEntry> entries;
  entries.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (implied_[i]) continue;
    entries.push_back(entries_[i]);
    const auto link = hard_links_.find(i);
    if (link == hard_links_.end()) continue;
    LayerEntry& entry = entries.back();
    entry.type = LayerEntry::Type::kHardLink;
    entry.link_target = link->second;
    entry.size = 0;
  }
  return entries;
}

size_t LayerTree::LowerBound(absl::string_view path) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), path,
      [](const LayerEntry& a, absl::string_view b) { return oci::LayerPathLess(a.path, b); });
  return found - entries_.begin();
}

std::optional<Node> LayerTree::Find(absl::string_view path) const {
  const size_t index = LowerBound(path);
  if (index == entries_.size() || entries_[index].path != path) return std::nullopt;
  return NodeAt(index);
}

bool LayerTree::Hides(absl::string_view path) const {
  if (whiteouts_.contains(path) || opaque_.contains("")) return true;
  for (absl::string_view above = ParentPath(path); !above.empty(); above = ParentPath(above)) {
    if (whiteouts_.contains(above) || opaque_.contains(above)) return true;
    const std::optional<Node> node = Find(above);
    if (node.has_value() && !node->IsDirectory()) return true;
  }
  return false;
}

void LayerTree::ForEachChild(absl::string_view path,
                             const std::function<void(const Node&)>& tell) const {
  size_t i = 0;
  if (!path.empty()) {
    i = LowerBound(path);
    if (i == entries_.size() || entries_[i].path != path) return;
    ++i;
  }
  while (i < entries_.size() && IsBelow(entries_[i].path, path)) {
    tell(NodeAt(i));
    const absl::string_view child = entries_[i].path;
    // Over what is in the child.
    const auto next =
        std::partition_point(entries_.begin() + i + 1, entries_.end(),
                             [child](const LayerEntry& e) { return IsBelow(e.path, child); });
    i = next - entries_.begin();
  }
}

std::optional<Node> FileView::Find(absl::string_view path) const {
  return FindFollowing(path, kMaxLinks);
}

std::optional<Node> FileView::FindFollowing(absl::string_view path, int hard_links) const {
  std::optional<Node> implied;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    std::optional<Node> node = (*layer)->Find(path);
    if (node.has_value() && node->implied) {
      if (!implied.has_value()) implied = node;
    } else if (node.has_value()) {
      if (node->entry->type == LayerEntry::Type::kHardLink) {
        return hard_links == 0 ? std::nullopt
                               : FindFollowing(node->entry->link_target, hard_links - 1);
      }
      // What describes a directory here describes the one that upper layers imply.
      if (implied.has_value() && !node->IsDirectory()) return implied;
      return node;
    }
    if ((*layer)->Hides(path)) break;
  }
  return implied;
}

std::map<std::string, Node> FileView::Children(absl::string_view path) const {
  std::map<std::string, Node> children;
  const auto add = [&](const Node& node) {
    const absl::string_view name = BaseName(node.entry->path);
    if (children.count(std::string(name)) != 0) return;
    std::optional<Node> visible = Find(JoinPath(path, name));
    if (visible.has_value()) children.emplace(name, *visible);
  };
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    (*layer)->ForEachChild(path, add);
  }
  return children;
}

absl::StatusOr<std::string> FileView::Resolve(absl::string_view path) const {
  // What is still to be walked, in reverse.
  std::vector<std::string> todo;
  const auto push = [&todo](absl::string_view text) {
    const std::vector<std::string> parts = absl::StrSplit(text, '/', absl::SkipEmpty());
    todo.insert(todo.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  std::string done;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      done = std::string(ParentPath(done));
      continue;
    }
    std::string next = JoinPath(done, part);
    const std::optional<Node> node = Find(next);
    if (!node.has_value() || !node->IsSymlink()) {
      done = std::move(next);
      continue;
    }
    if (++links > kMaxLinks) {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(absl::StrCat("/", CleanPath(path))),
                       " leads through more than ", kMaxLinks, " symbolic links: a loop"));
    }
    const std::string& target = node->entry->link_target;
    if (absl::StartsWith(target, "/")) done.clear();
    push(target);
  }
  return done;
}

absl::StatusOr<std::string> FileView::Read(const Node& file, uint64_t limit) {
  if (file.entry->size > limit) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "/", file.entry->path, " has ", file.entry->size, " bytes; at most ", limit, " are read"));
  }
  std::string text(file.entry->size, '\0');
  ASSIGN_OR_RETURN(const auto reader, (*file.contents)->Open(*file.entry));
  RETURN_IF_ERROR(reader->ReadAt(0, text.data(), text.size()), "/", file.entry->path);
  return text;
}

}  // namespace stevedore::worker::native
