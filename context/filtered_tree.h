// A tree without what an ignore file leaves out.

#ifndef STEVEDORE_CONTEXT_FILTERED_TREE_H_
#define STEVEDORE_CONTEXT_FILTERED_TREE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "context/ignore_rules.h"
#include "context/tree.h"

namespace stevedore::context {

// Those of `entries` (sorted as in a tree) that `rules` leave: folders that are ignored stay only
// where something in them does. Content ids stay.
std::vector<TreeEntry> FilterEntries(std::vector<TreeEntry> entries, const IgnoreRules& rules);

// Shares another tree and shows what is left of it. Thread-safe.
class FilteredTree final : public Tree {
 public:
  // `tree` itself if there are no rules.
  static std::shared_ptr<const Tree> Create(std::shared_ptr<const Tree> tree,
                                            const IgnoreRules& rules);

  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(
      uint64_t content_id) const override {
    return tree_->OpenContent(content_id);
  }

 private:
  FilteredTree(std::vector<TreeEntry> entries, std::shared_ptr<const Tree> tree)
      : Tree(std::move(entries)), tree_(std::move(tree)) {}

  const std::shared_ptr<const Tree> tree_;
};

// The ignore file that counts for an image: `<dockerfile>.dockerignore` beside its Dockerfile
// (`dockerfile` as in its options; empty: it has none), else `.dockerignore`. `read` returns the
// text of the file at a path in the merged contexts, or NOT_FOUND. The Dockerfile and the ignore
// file are always kept. Errors of `read` and of IgnoreRules::Parse.
template <typename Read>
absl::StatusOr<IgnoreRules> FindIgnoreRules(const std::string& dockerfile, const Read& read) {
  std::vector<std::string> names = {".dockerignore"};
  if (!dockerfile.empty()) names.insert(names.begin(), dockerfile + ".dockerignore");
  for (const std::string& name : names) {
    const absl::StatusOr<std::string> text = read(name);
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    absl::StatusOr<IgnoreRules> rules = IgnoreRules::Parse(*text, name);
    if (!rules.ok()) return rules.status();
    rules->AlwaysKeep(name);
    if (!dockerfile.empty()) rules->AlwaysKeep(dockerfile);
    return rules;
  }
  return IgnoreRules();
}

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_FILTERED_TREE_H_
