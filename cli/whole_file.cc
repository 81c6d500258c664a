#include "cli/whole_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

absl::Status AlreadyThere(const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": there is a file already; give --force to replace it, or another name"));
}

}  // namespace

absl::Status WriteWholeFile(const std::string& path, const std::string& text, mode_t mode,
                            bool replace) {
  if (replace) return base::WriteFileAtomically(path, text, mode);
  if (base::Exists(path)) return AlreadyThere(path);
  // A link, unlike a rename, never replaces.
  const std::string temporary = absl::StrCat(path, ".new-", getpid());
  RETURN_IF_ERROR(base::WriteFileAtomically(temporary, text, mode));
  const int result = link(temporary.c_str(), path.c_str());
  const int error = errno;
  unlink(temporary.c_str());
  if (result == 0) return absl::OkStatus();
  if (error == EEXIST) return AlreadyThere(path);
  return absl::UnavailableError(absl::StrCat(path, ": ", strerror(error)));
}

}  // namespace stevedore::cli
