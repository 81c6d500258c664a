// Remembers what contexts looked like, to name the files that changed.

#ifndef STEVEDORE_CLI_CONTEXT_MEMORY_H_
#define STEVEDORE_CLI_CONTEXT_MEMORY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "context/tree.h"

namespace stevedore::cli {

// Files that say which entries a folder's tree had when it was built last. For messages only:
// losing them costs a cause its details. Not thread-safe.
class ContextMemory {
 public:
  // Most paths that are named, and the most entries of a tree that is remembered.
  static constexpr size_t kNamedPaths = 8;
  static constexpr size_t kEntryLimit = 50'000;

  // Keeps its files in `cache_directory`.
  explicit ContextMemory(std::string cache_directory) : directory_(std::move(cache_directory)) {}

  // The paths in which `tree`, read from `folder`, differs from what was remembered of that folder;
  // empty if nothing is remembered.
  std::vector<std::string> ChangedFiles(const std::string& folder, const context::Tree& tree) const;

  // Remembers `tree` for the next time.
  absl::Status Remember(const std::string& folder, const context::Tree& tree) const;

 private:
  std::string PathOf(const std::string& folder) const;

  const std::string directory_;
};

// Entries as text and back: one line each. INVALID_ARGUMENT for anything else. Thread-safe.
std::string EncodeEntries(const std::vector<context::TreeEntry>& entries);
absl::StatusOr<std::vector<context::TreeEntry>> DecodeEntries(absl::string_view text);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CONTEXT_MEMORY_H_
