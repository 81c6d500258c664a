#include "worker/drivers/native_layer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/layer/tar_header.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;

constexpr int kMaxLinks = 40;

}  // namespace

bool LayerBuilder::Less::operator()(absl::string_view a, absl::string_view b) const {
  return oci::LayerPathLess(a, b);
}

std::optional<LayerEntry> LayerBuilder::Find(absl::string_view path) const {
  const auto own = entries_.find(path);
  if (own != entries_.end()) return own->second;
  if (!fresh_.empty() && path.size() > fresh_.size() && path[fresh_.size()] == '/' &&
      absl::StartsWith(path, fresh_)) {
    return std::nullopt;
  }
  const std::optional<Node> node = below_->Find(path);
  if (!node.has_value()) return std::nullopt;
  return *node->entry;
}

absl::StatusOr<std::string> LayerBuilder::Resolve(absl::string_view path) const {
  std::string rest = CleanPath(path);
  // Links of the lower layers may lead to links of this one, and so on.
  for (int i = 0; i < kMaxLinks; ++i) {
    ASSIGN_OR_RETURN(std::string resolved, below_->Resolve(rest));
    std::string link;  // The first link of this layer on the way.
    for (size_t end = resolved.find('/'); link.empty();
         end = end == std::string::npos ? end : resolved.find('/', end + 1)) {
      const std::string part = resolved.substr(0, end);
      const auto own = entries_.find(part);
      if (own != entries_.end() && own->second.type == LayerEntry::Type::kSymlink) link = part;
      if (end == std::string::npos) break;
    }
    if (link.empty()) return resolved;
    const std::string& target = entries_.find(link)->second.link_target;
    const std::string from = absl::StartsWith(target, "/") ? "" : std::string(ParentPath(link));
    rest = CleanPath(absl::StrCat(from, "/", target, "/", resolved.substr(link.size())));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(base::Quoted(absl::StrCat("/", path)), " leads through a loop of links"));
}

absl::Status LayerBuilder::MakeDirectories(absl::string_view path, const Owner& owner) {
  ASSIGN_OR_RETURN(const std::string resolved, Resolve(path));
  return MakeResolved(resolved, owner);
}

absl::Status LayerBuilder::MakeResolved(absl::string_view path, const Owner& owner) {
  if (path.empty()) return absl::OkStatus();
  const std::optional<LayerEntry> there = Find(path);
  if (there.has_value()) {
    if (there->type == LayerEntry::Type::kDirectory) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("/", path, " should be a directory, but the image has something else there"));
  }
  RETURN_IF_ERROR(MakeResolved(ParentPath(path), owner));
  LayerEntry entry;
  entry.path = std::string(path);
  entry.type = LayerEntry::Type::kDirectory;
  entry.mode = 0755;
  entry.uid = owner.uid;
  entry.gid = owner.gid;
  if (fresh_.empty() || !absl::StartsWith(path, absl::StrCat(fresh_, "/"))) {
    fresh_ = std::string(path);
  }
  entries_[entry.path] = std::move(entry);
  return absl::OkStatus();
}

void LayerBuilder::DescribeAncestors() {
  std::map<std::string, LayerEntry, Less> ancestors;
  absl::string_view last;
  for (const auto& [path, entry] : entries_) {
    const absl::string_view parent = ParentPath(path);
    if (parent == last) continue;
    last = parent;
    for (absl::string_view above = parent; !above.empty(); above = ParentPath(above)) {
      if (entries_.count(above) != 0 || ancestors.count(above) != 0) break;
      const std::optional<Node> node = below_->Find(above);
      if (node.has_value() && node->IsDirectory()) {
        ancestors.emplace(above, *node->entry);
      }
    }
  }
  entries_.merge(ancestors);
}

void LayerBuilder::Put(LayerEntry entry, std::shared_ptr<const ContentSource> contents) {
  if (entry.type == LayerEntry::Type::kFile) {
    entry.content_id = contents_->Add(std::move(contents), entry);
  }
  std::string path = entry.path;
  if (entry.type != LayerEntry::Type::kDirectory) {
    // What was put below a directory that is replaced goes with it.
    auto below = entries_.upper_bound(path);
    while (below != entries_.end() && absl::StartsWith(below->first, absl::StrCat(path, "/"))) {
      below = entries_.erase(below);
    }
  }
  entries_[std::move(path)] = std::move(entry);
}

std::shared_ptr<const LayerTree> LayerBuilder::Finish() {
  DescribeAncestors();
  std::vector<LayerEntry> entries;
  entries.reserve(entries_.size());
  for (auto& [path, entry] : entries_) entries.push_back(std::move(entry));
  entries_.clear();
  fresh_.clear();
  std::shared_ptr<const ContentSource> contents =
      std::exchange(contents_, std::make_shared<MixedContent>());
  return std::make_shared<LayerTree>(std::move(entries), std::move(contents));
}

std::string DigestOfEntries(const std::vector<LayerEntry>& entries, const ContentSource& contents) {
  base::Hasher hasher(base::HashAlgorithm::kSha256);
  for (const LayerEntry& entry : entries) {
    const bool file = entry.type == LayerEntry::Type::kFile;
    const std::string content = file ? contents.Identity(entry) : "";
    // Each field is preceded by its length, so that no two lists have the same bytes.
    hasher.Update(absl::StrCat(static_cast<int>(entry.type), " ", entry.mode, " ", entry.uid, " ",
                               entry.gid, " ", entry.size, " ", entry.device_major, " ",
                               entry.device_minor, " ", entry.path.size(), " ",
                               entry.link_target.size(), " ", content.size(), " ",
                               entry.xattrs == nullptr ? 0 : entry.xattrs->size(), "\n"));
    hasher.Update(entry.path);
    hasher.Update(entry.link_target);
    hasher.Update(content);
    if (entry.xattrs == nullptr) continue;
    for (const auto& [name, value] : *entry.xattrs) {
      hasher.Update(absl::StrCat(name.size(), " ", value.size(), " ", name, value));
    }
  }
  return hasher.Finish();
}

}  // namespace stevedore::worker::native
