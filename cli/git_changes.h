// What git says has changed in the work tree.

#ifndef STEVEDORE_CLI_GIT_CHANGES_H_
#define STEVEDORE_CLI_GIT_CHANGES_H_

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace stevedore::cli {

// One path that differs. A value.
struct GitChange {
  std::string path;  // Relative to the top folder; a file, link, submodule or nested repository.
  std::string old_blob;  // Object id of the file as it was; empty: it was none, or no plain file.
};

// How a work tree differs from a commit: committed since, staged, changed, and new files that are
// not ignored. A file that was renamed is in it under both names. A value.
struct GitChanges {
  std::string top;                   // Of the work tree, absolute, without links.
  std::vector<GitChange> changes;    // Sorted by path, each once.
  std::vector<std::string> ignored;  // Sorted; a folder stands for all that is in it.
};

// Asks git about the work tree that `directory` is in. INVALID_ARGUMENT, with the remedy: no git,
// no work tree, or no such commit. Reads only: no lock, no index is written. Thread-safe.
absl::StatusOr<GitChanges> ReadGitChanges(const std::string& directory, const std::string& ref,
                                          std::stop_token stop);

// Contents of blobs by object id. FAILED_PRECONDITION if git does not have one. Thread-safe.
absl::StatusOr<std::map<std::string, std::string>> ReadGitBlobs(
    const std::string& top, const std::vector<std::string>& blobs, std::stop_token stop);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_GIT_CHANGES_H_
