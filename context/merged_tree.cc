#include "context/merged_tree.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace stevedore::context {
namespace {

// An entry of one of the trees.
struct Candidate {
  const TreeEntry* entry;
  size_t tree;
};

bool IsBelow(absl::string_view path, absl::string_view directory) {
  return path.size() > directory.size() && path.substr(0, directory.size()) == directory &&
         path[directory.size()] == '/';
}

// `below` with `above` laid over it; both sorted.
std::vector<Candidate> Overlay(const std::vector<Candidate>& below,
                               const std::vector<Candidate>& above) {
  std::vector<Candidate> merged;
  merged.reserve(below.size() + above.size());
  size_t i = 0;
  for (const Candidate& winner : above) {
    const std::string& path = winner.entry->path;
    while (i < below.size() && PathLess(below[i].entry->path, path)) merged.push_back(below[i++]);
    if (i < below.size() && below[i].entry->path == path) ++i;
    if (winner.entry->type != TreeEntry::Type::kDirectory) {
      // What was a directory below goes with all that is in it.
      while (i < below.size() && IsBelow(below[i].entry->path, path)) ++i;
    }
    merged.push_back(winner);
  }
  merged.insert(merged.end(), below.begin() + i, below.end());
  return merged;
}

}  // namespace

std::unique_ptr<MergedTree> MergedTree::Create(std::vector<std::shared_ptr<const Tree>> trees) {
  std::vector<Candidate> merged;
  for (size_t t = 0; t < trees.size(); ++t) {
    std::vector<Candidate> above;
    above.reserve(trees[t]->entries().size());
    for (const TreeEntry& entry : trees[t]->entries()) above.push_back({&entry, t});
    merged = t == 0 ? std::move(above) : Overlay(merged, above);
  }
  std::vector<TreeEntry> entries;
  std::vector<Origin> origins;
  entries.reserve(merged.size());
  origins.reserve(merged.size());
  for (const Candidate& candidate : merged) {
    entries.push_back(*candidate.entry);
    entries.back().content_id = origins.size();
    origins.emplace_back(candidate.tree, candidate.entry->content_id);
  }
  return std::unique_ptr<MergedTree>(
      new MergedTree(std::move(entries), std::move(origins), std::move(trees)));
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> MergedTree::OpenContent(
    uint64_t content_id) const {
  if (content_id >= origins_.size()) {
    return absl::InternalError(absl::StrCat("no content ", content_id, " in this tree"));
  }
  return trees_[origins_[content_id].first]->OpenContent(origins_[content_id].second);
}

}  // namespace stevedore::context
