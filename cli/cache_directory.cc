#include "cli/cache_directory.h"

#include <stdlib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::cli {

absl::StatusOr<std::string> CacheDirectory() {
  std::string directory;
  const char* cache = ::getenv("XDG_CACHE_HOME");
  const char* home = ::getenv("HOME");
  if (cache != nullptr && *cache == '/') {
    directory = absl::StrCat(cache, "/stevedore");
  } else if (home != nullptr && *home != '\0') {
    directory = absl::StrCat(home, "/.cache/stevedore");
  } else {
    return absl::FailedPreconditionError(
        "there is no place for caches: set HOME, or XDG_CACHE_HOME to an absolute path");
  }
  // Definitions may hold secrets, and so may what is cached of them.
  RETURN_IF_ERROR(base::MakeDirectories(directory, 0700), "cache folder");
  return directory;
}

std::string ResultsFile(absl::string_view cache_directory, absl::string_view place) {
  return absl::StrCat(cache_directory, "/results-", base::Sha256Hex(place).substr(0, 16));
}

}  // namespace stevedore::cli
