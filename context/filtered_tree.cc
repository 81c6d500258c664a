#include "context/filtered_tree.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace stevedore::context {

std::vector<TreeEntry> FilterEntries(std::vector<TreeEntry> entries, const IgnoreRules& rules) {
  if (rules.empty()) return entries;
  std::vector<TreeEntry> kept;
  kept.reserve(entries.size());
  // Ignored folders above the present entry that may hold something, outermost first; those that
  // do are moved to `kept` with it.
  std::vector<TreeEntry> open;
  std::string pruned;  // Ends in a slash: everything below is left out.
  for (TreeEntry& entry : entries) {
    if (!pruned.empty() && absl::StartsWith(entry.path, pruned)) continue;
    while (!open.empty() && !absl::StartsWith(entry.path, open.back().path + "/")) open.pop_back();
    if (rules.Ignores(entry.path)) {
      if (entry.type != TreeEntry::Type::kDirectory) continue;
      if (rules.MayKeepBelow(entry.path)) {
        open.push_back(std::move(entry));
      } else {
        pruned = entry.path + "/";
      }
      continue;
    }
    std::move(open.begin(), open.end(), std::back_inserter(kept));
    open.clear();
    kept.push_back(std::move(entry));
  }
  return kept;
}

std::shared_ptr<const Tree> FilteredTree::Create(std::shared_ptr<const Tree> tree,
                                                 const IgnoreRules& rules) {
  if (rules.empty()) return tree;
  std::vector<TreeEntry> entries = FilterEntries(tree->entries(), rules);
  if (entries.size() == tree->entries().size()) return tree;
  return std::shared_ptr<const Tree>(new FilteredTree(std::move(entries), std::move(tree)));
}

}  // namespace stevedore::context
