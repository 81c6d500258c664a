#include "context/tree.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"
#include "context/tree_digest.h"

namespace stevedore::context {
namespace {

absl::string_view Parent(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : path.substr(0, slash);
}

bool IsCleanPath(absl::string_view path) {
  if (path.find('\0') != absl::string_view::npos) return false;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

// Whether `path` is `directory` or below it. `directory` empty: the root.
bool IsAtOrBelow(absl::string_view path, absl::string_view directory) {
  if (directory.empty()) return true;
  return path.size() >= directory.size() && path.substr(0, directory.size()) == directory &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// Reads a string that somebody else owns.
class StringReader final : public base::RandomReader {
 public:
  explicit StringReader(const std::string* text) : text_(text) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset > text_->size() || size > text_->size() - offset) {
      return absl::OutOfRangeError("read past the end of a string");
    }
    std::memcpy(buffer, text_->data() + offset, size);
    return absl::OkStatus();
  }

 private:
  const std::string* const text_;
};

}  // namespace

uint32_t NormalizedMode(TreeEntry::Type type, uint32_t mode) {
  switch (type) {
    case TreeEntry::Type::kDirectory:
      return 0755;
    case TreeEntry::Type::kSymlink:
      return 0777;
    case TreeEntry::Type::kFile:
      break;
  }
  return mode & 07777 & ~022u;
}

bool PathLess(absl::string_view a, absl::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  for (size_t i = 0; i < n; ++i) {
    if (a[i] == b[i]) continue;
    // The slash ends a name, and the end of a name stands before every byte.
    if (a[i] == '/') return true;
    if (b[i] == '/') return false;
    return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
  }
  return a.size() < b.size();
}

TreeEntry::Sha256 ToSha256(absl::string_view raw) {
  TreeEntry::Sha256 digest = {};
  std::memcpy(digest.data(), raw.data(), std::min(raw.size(), digest.size()));
  return digest;
}

Tree::Tree(std::vector<TreeEntry> entries)
    : entries_(std::move(entries)), digest_(TreeDigest(entries_)) {}

const TreeEntry* Tree::Find(absl::string_view path) const {
  const auto it = std::lower_bound(
      entries_.begin(), entries_.end(), path,
      [](const TreeEntry& entry, absl::string_view p) { return PathLess(entry.path, p); });
  return it != entries_.end() && it->path == path ? &*it : nullptr;
}

std::pair<size_t, size_t> Tree::Range(absl::string_view path) const {
  if (path.empty() || path == ".") return {0, entries_.size()};
  const TreeEntry* const first = Find(path);
  if (first == nullptr) return {0, 0};
  const auto begin = entries_.begin() + (first - entries_.data());
  const auto end = std::partition_point(
      begin, entries_.end(), [&](const TreeEntry& entry) { return IsAtOrBelow(entry.path, path); });
  return {static_cast<size_t>(begin - entries_.begin()),
          static_cast<size_t>(end - entries_.begin())};
}

absl::Status CheckEntries(const std::vector<TreeEntry>& entries) {
  std::vector<absl::string_view> open;  // Directories that the last entry is in.
  absl::string_view last;
  for (const TreeEntry& entry : entries) {
    if (!IsCleanPath(entry.path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("path ", base::Quoted(entry.path), " is not relative and clean"));
    }
    if (!last.empty() && !PathLess(last, entry.path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("path ", base::Quoted(entry.path),
                       last == entry.path ? " is there twice" : " is out of order"));
    }
    last = entry.path;
    const absl::string_view parent = Parent(entry.path);
    while (!open.empty() && open.back() != parent) open.pop_back();
    if (open.empty() && !parent.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("path ", base::Quoted(entry.path), " has no directory before it"));
    }
    if (entry.mode != NormalizedMode(entry.type, entry.mode)) {
      return absl::InvalidArgumentError(absl::StrCat("path ", base::Quoted(entry.path),
                                                     " has mode ", absl::Hex(entry.mode),
                                                     " (hexadecimal), which is not normalised"));
    }
    if (entry.type == TreeEntry::Type::kDirectory) open.push_back(entry.path);
  }
  return absl::OkStatus();
}

bool LinkLeadsOut(absl::string_view path, absl::string_view target) {
  if (!target.empty() && target[0] == '/') return false;  // Meant inside the image.
  int64_t depth = std::count(path.begin(), path.end(), '/');
  for (absl::string_view part : absl::StrSplit(target, '/')) {
    if (part == "..") {
      if (--depth < 0) return true;
    } else if (!part.empty() && part != ".") {
      ++depth;
    }
  }
  return false;
}

std::vector<std::string> ChangedPaths(const std::vector<TreeEntry>& before,
                                      const std::vector<TreeEntry>& after, size_t limit) {
  std::vector<std::string> paths;
  size_t i = 0;
  size_t j = 0;
  while (paths.size() < limit && (i < before.size() || j < after.size())) {
    if (j == after.size() || (i < before.size() && PathLess(before[i].path, after[j].path))) {
      paths.push_back(before[i++].path);
    } else if (i == before.size() || PathLess(after[j].path, before[i].path)) {
      paths.push_back(after[j++].path);
    } else {
      if (!(before[i] == after[j])) paths.push_back(after[j].path);
      ++i;
      ++j;
    }
  }
  return paths;
}

absl::StatusOr<std::unique_ptr<MemoryTree>> MemoryTree::Create(std::vector<Item> items) {
  std::vector<TreeEntry> entries;
  std::vector<std::string> contents;
  std::map<std::string, bool> directories;  // Known paths: true if an item of its own.
  for (Item& item : items) {
    TreeEntry entry;
    entry.type = item.type;
    entry.mode = NormalizedMode(item.type, item.mode);
    if (item.type == TreeEntry::Type::kFile) entry.size = item.content.size();
    if (item.type == TreeEntry::Type::kSymlink) entry.link_target = item.content;
    if (item.type == TreeEntry::Type::kDirectory) directories[item.path] = true;
    if (item.type != TreeEntry::Type::kDirectory)
      entry.digest = ToSha256(base::Sha256(item.content));
    entry.content_id = contents.size();
    for (absl::string_view parent = Parent(item.path); !parent.empty(); parent = Parent(parent)) {
      directories.emplace(std::string(parent), false);
    }
    entry.path = std::move(item.path);
    contents.push_back(std::move(item.content));
    entries.push_back(std::move(entry));
  }
  for (const auto& [path, given] : directories) {
    if (given) continue;
    TreeEntry entry;
    entry.path = path;
    entry.type = TreeEntry::Type::kDirectory;
    entry.mode = 0755;
    entries.push_back(std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TreeEntry& a, const TreeEntry& b) { return PathLess(a.path, b.path); });
  RETURN_IF_ERROR(CheckEntries(entries));
  return std::unique_ptr<MemoryTree>(new MemoryTree(std::move(entries), std::move(contents)));
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> MemoryTree::OpenContent(
    uint64_t content_id) const {
  if (content_id >= contents_.size()) {
    return absl::InternalError(absl::StrCat("no content ", content_id, " in this tree"));
  }
  return std::make_unique<StringReader>(&contents_[content_id]);
}

}  // namespace stevedore::context
