#include "worker/drivers/buildkit/folder.h"

#include <fnmatch.h>

#include <deque>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker {
namespace {

using context::Tree;
using context::TreeEntry;

// Links are followed at most this often: circles end.
constexpr int kMostLinks = 255;

std::vector<std::string> Components(absl::string_view path) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.emplace_back(part);
  }
  return parts;
}

// Finds what a set of paths stands for in one tree.
class Follower {
 public:
  explicit Follower(const Tree& tree) : tree_(tree), wanted_(tree.entries().size(), false) {}

  void Follow(absl::string_view path) {
    work_.push_back(Components(path));
    while (!work_.empty()) {
      const std::vector<std::string> parts = std::move(work_.front());
      work_.pop_front();
      if (seen_.insert(absl::StrJoin(parts, "/")).second) Match("", parts, 0);
    }
  }

  std::vector<size_t> Take() const {
    std::vector<size_t> result;
    for (size_t i = 0; i < wanted_.size(); ++i) {
      if (wanted_[i]) result.push_back(i);
    }
    return result;
  }

 private:
  // Below `folder`, which is in the tree (or the root), for `parts` from `next` on.
  void Match(const std::string& folder, const std::vector<std::string>& parts, size_t next) {
    if (next == parts.size()) {
      WantWithFolders(folder);
      WantAllOf(folder);
      return;
    }
    if (parts[next].find_first_of("*?[\\") == std::string::npos) {
      Step(folder.empty() ? parts[next] : folder + "/" + parts[next], parts, next);
      return;
    }
    const auto [first, last] = tree_.Range(folder);
    for (size_t i = first; i < last; ++i) {
      const std::string& path = tree_.entries()[i].path;
      if (path == folder) continue;
      const std::string name = path.substr(folder.empty() ? 0 : folder.size() + 1);
      if (name.find('/') != std::string::npos) continue;
      if (fnmatch(parts[next].c_str(), name.c_str(), FNM_PATHNAME) == 0) Step(path, parts, next);
    }
  }

  void Step(const std::string& path, const std::vector<std::string>& parts, size_t next) {
    const TreeEntry* entry = tree_.Find(path);
    if (entry == nullptr) return;
    if (entry->type != TreeEntry::Type::kSymlink) {
      Match(path, parts, next + 1);
      return;
    }
    WantWithFolders(path);
    if (++links_ > kMostLinks) return;
    const size_t slash = path.rfind('/');
    std::string target = entry->link_target;
    if (!absl::StartsWith(target, "/") && slash != std::string::npos) {
      target = path.substr(0, slash) + "/" + target;
    }
    std::vector<std::string> rest = Components(target);
    rest.insert(rest.end(), parts.begin() + static_cast<std::ptrdiff_t>(next) + 1, parts.end());
    work_.push_back(std::move(rest));
  }

  void WantAllOf(const std::string& path) {
    const auto [first, last] = tree_.Range(path);
    for (size_t i = first; i < last; ++i) wanted_[i] = true;
  }

  void WantWithFolders(const std::string& path) {
    for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
      WantOne(path.substr(0, end));
    }
    WantOne(path);
  }

  void WantOne(const std::string& path) {
    const TreeEntry* entry = tree_.Find(path);
    if (entry != nullptr) wanted_[static_cast<size_t>(entry - tree_.entries().data())] = true;
  }

  const Tree& tree_;
  std::vector<bool> wanted_;
  std::deque<std::vector<std::string>> work_;
  std::set<std::string> seen_;
  int links_ = 0;
};

}  // namespace

uint32_t GoFileMode(const TreeEntry& entry) {
  uint32_t mode = entry.mode & 0777;
  if ((entry.mode & 04000) != 0) mode |= 1U << 23;
  if ((entry.mode & 02000) != 0) mode |= 1U << 22;
  if ((entry.mode & 01000) != 0) mode |= 1U << 20;
  if (entry.type == TreeEntry::Type::kDirectory) mode |= 1U << 31;
  if (entry.type == TreeEntry::Type::kSymlink) mode |= 1U << 27;
  return mode;
}

std::vector<size_t> FollowPaths(const Tree& tree, const std::vector<std::string>& paths) {
  Follower follower(tree);
  if (paths.empty()) follower.Follow("");
  for (const std::string& path : paths) follower.Follow(path);
  return follower.Take();
}

}  // namespace stevedore::worker
