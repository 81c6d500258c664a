#include "cli/git_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status.h"
#include "context/git_credential.h"
#include "context/git_url.h"

namespace stevedore::cli {

absl::StatusOr<context::GitMirrors*> GitReader::Mirrors() {
  base::MutexLock lock(&mu_);
  if (mirrors_ == nullptr) {
    context::GitMirrorsOptions options;
    options.directory = sources_.git_cache_directory;
    ASSIGN_OR_RETURN(mirrors_, context::GitMirrors::Open(std::move(options)));
  }
  return mirrors_.get();
}

absl::StatusOr<std::string> GitReader::Resolve(context::GitMirrors& mirrors,
                                               const context::GitPlace& place,
                                               const std::string& reference) {
  const std::string key = absl::StrCat(place.url.ToString(), "\n", place.url.user, "\n",
                                       place.credential.Identity(), "\n", reference);
  {
    base::MutexLock lock(&mu_);
    const auto [it, mine] = commits_.emplace(key, Resolution());
    if (!mine) {
      while (!it->second.done) resolved_.Wait(&mu_);
      return it->second.commit;
    }
  }
  absl::StatusOr<std::string> commit = mirrors.Resolve(place, reference, stop_);
  base::MutexLock lock(&mu_);
  commits_[key] = Resolution{true, commit};
  resolved_.SignalAll();
  return commit;
}

absl::StatusOr<ContextTree> GitReader::Read(const graph::ContextSpec& spec,
                                            const std::string& image_id) {
  const graph::GitContext& git = *spec.git;
  const std::string what = absl::StrCat("git context of image ", image_id);
  context::GitPlace place;
  ASSIGN_OR_RETURN(place.url, context::GitUrl::Parse(git.repository), what);
  context::GitAuth auth;
  auth.credentials_id = git.credentials_id;
  auth.username = git.username;
  auth.password = base::Secret(git.password);
  auth.private_key_file = git.private_key_file;
  auth.private_key_password = base::Secret(git.private_key_password);
  auth.ssh_user = git.ssh_user;
  ASSIGN_OR_RETURN(place.credential, context::SelectGitCredential(auth, sources_.credentials),
                   what);
  ASSIGN_OR_RETURN(context::GitMirrors* const mirrors, Mirrors());
  ASSIGN_OR_RETURN(const std::string commit, Resolve(*mirrors, place, git.reference), what);
  ContextTree result;
  ASSIGN_OR_RETURN(result.tree, mirrors->OpenTree(place, commit, git.path, stop_), what);
  result.git.emplace();
  result.git->url = place.url.ToString();
  result.git->commit = commit;
  result.git->has_inline_secrets =
      !place.url.password.empty() ||
      (git.credentials_id.empty() && (!git.password.empty() || !git.private_key_file.empty()));
  result.memory_key = absl::StrCat(place.url.ToString(), ":", git.path);
  return result;
}

}  // namespace stevedore::cli
