#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "context/git_mirrors.h"
#include "context/git_url.h"
#include "worker/drivers/native_add.h"

namespace stevedore::worker::native {

absl::StatusOr<FileView> OpenGitSource(const std::string& source, const std::string& checksum,
                                       const std::string& directory, std::stop_token stop) {
  if (directory.empty()) {
    return absl::FailedPreconditionError("there is no cache folder to keep a git repository in");
  }
  // "URL#reference:folder", both parts optional.
  const std::pair<std::string, std::string> parts = absl::StrSplit(source, absl::MaxSplits('#', 1));
  const std::pair<std::string, std::string> fragment =
      absl::StrSplit(parts.second, absl::MaxSplits(':', 1));
  context::GitPlace place;
  ASSIGN_OR_RETURN(place.url, context::GitUrl::Parse(parts.first));
  context::GitMirrorsOptions options;
  options.directory = absl::StrCat(directory, "/git");
  ASSIGN_OR_RETURN(const std::unique_ptr<context::GitMirrors> mirrors,
                   context::GitMirrors::Open(std::move(options)));
  ASSIGN_OR_RETURN(const std::string commit, mirrors->Resolve(place, fragment.first, stop));
  if (!absl::StartsWith(commit, checksum)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--checksum is ", checksum, ", ",
        fragment.first.empty() ? "the default branch" : fragment.first, " is commit ", commit));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const context::Tree> tree,
                   mirrors->OpenTree(place, commit, CleanPath(fragment.second), stop));
  FileView view;
  view.Add(LayerTree::OfContext(std::move(tree)));
  return view;
}

}  // namespace stevedore::worker::native
