// Small texts of git's that repositories hold or its programs print.

#ifndef STEVEDORE_CONTEXT_GIT_FORMATS_H_
#define STEVEDORE_CONTEXT_GIT_FORMATS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::context {

// One entry of .gitmodules. A value.
struct GitSubmodule {
  std::string name;
  std::string path;  // As written, without a slash at the end.
  std::string url;
};

// Reads a .gitmodules file. Entries without path or URL are left out, keys of no interest ignored.
// INVALID_ARGUMENT with the line for what is not git's configuration syntax. Thread-safe.
absl::StatusOr<std::vector<GitSubmodule>> ParseGitModules(absl::string_view text);

// Whether a file's content is a Git LFS pointer, i.e. the real content is elsewhere. Thread-safe.
bool IsLfsPointer(absl::string_view content);
// No pointer is longer, in bytes.
inline constexpr uint64_t kLfsPointerLimit = 1024;

// The first line that `git cat-file --batch` prints for an object: its type and size in bytes.
struct CatFileHeader {
  std::string type;
  uint64_t size = 0;
};

// Reads "OID TYPE SIZE" (without line feed) for the object `oid`. NOT_FOUND for "OID missing",
// INVALID_ARGUMENT for anything else. Thread-safe.
absl::StatusOr<CatFileHeader> ParseCatFileHeader(absl::string_view line, absl::string_view oid);

// Whether `text` is 4 to 40 hexadecimal digits, or exactly 40 with `full`. Thread-safe.
bool IsObjectId(absl::string_view text, bool full);

// `path` of a folder in a repository in the form of tree entries: no "./", no slash at either end;
// "" for the root. INVALID_ARGUMENT for one with "..". Thread-safe.
absl::StatusOr<std::string> CleanSubdirectory(absl::string_view path);

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_FORMATS_H_
