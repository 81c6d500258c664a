#include "worker/git_context_provider.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "context/git_credential.h"
#include "context/git_url.h"

namespace stevedore::worker {
namespace {

// What the definition is not to blame for may go well on another worker.
absl::Status OfThisWorker(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kNotFound:
      return absl::UnavailableError(status.message());
    default:
      return status;
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const context::Tree>> GitContextProvider::Open(
    const ContextRequest& request) {
  if (!request.git.has_value()) return uploaded_->Open(request);
  return trees_.Get(request.tree_digest, [&] { return Read(request); });
}

absl::StatusOr<std::shared_ptr<const context::Tree>> GitContextProvider::Read(
    const ContextRequest& request) {
  const std::string what = absl::StrCat("context ", request.path, " of ", request.owner);
  if (mirrors_ == nullptr) {
    return absl::UnavailableError(absl::StrCat(what, ": this worker has no cache for git"));
  }
  const GitContextSource& git = *request.git;
  context::GitPlace place;
  ASSIGN_OR_RETURN(place.url, context::GitUrl::Parse(git.url), what);
  context::GitAuth auth;
  auth.credentials_id = git.credentials_id;
  auth.ssh_user = git.ssh_user;
  absl::StatusOr<context::GitCredential> credential = context::SelectGitCredential(auth, records_);
  if (!credential.ok()) return base::Annotate(OfThisWorker(credential.status()), what);
  place.credential = *std::move(credential);
  absl::StatusOr<std::shared_ptr<const context::Tree>> tree =
      mirrors_->OpenTree(place, git.commit, git.subdirectory, request.stop);
  if (!tree.ok()) return base::Annotate(OfThisWorker(tree.status()), what);
  if ((*tree)->digest() != request.tree_digest) {
    return absl::InternalError(absl::StrCat(
        what, ": the files of commit ", git.commit, " have the tree digest ",
        (*tree)->digest().ToString(), " here, but ", request.tree_digest.ToString(),
        " where the build was submitted: are the versions of client and worker equal?"));
  }
  return tree;
}

}  // namespace stevedore::worker
