// Git repositories as build contexts, kept in a cache of bare mirrors.

#ifndef STEVEDORE_CONTEXT_GIT_MIRRORS_H_
#define STEVEDORE_CONTEXT_GIT_MIRRORS_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "context/git_credential.h"
#include "context/git_url.h"
#include "context/tree.h"

namespace stevedore::context {

// How mirrors are kept and servers reached. Plain data.
struct GitMirrorsOptions {
  // One folder per repository and identity is made in it.
  std::string directory;
  // Of all mirrors together; the longest unused go first. Those in use stay, whatever they need.
  uint64_t size_limit_bytes = uint64_t{20} << 30;
  // Of contents that are read whole at the same time; what does not fit goes through a file.
  uint64_t memory_bytes = uint64_t{512} << 20;
  // Files that are hashed at once.
  int threads = 2;
  absl::Duration connect_timeout = absl::Seconds(30);
  // Without a byte from the server and without progress here.
  absl::Duration idle_timeout = absl::Seconds(120);
  // Empty: those of ssh ($SSH_KNOWN_HOSTS, ~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts).
  std::vector<std::string> known_hosts_files;
};

// A repository and who asks for it. What one identity has fetched is not shown to others.
struct GitPlace {
  GitUrl url;
  GitCredential credential;
};

// The cache. Processes share it: a fetch is done by one of them, the others wait for it. A mirror
// that is found damaged, or was cut off in the middle, is mended or made anew. Thread-safe.
class GitMirrors {
 public:
  // Makes the folder if it is not there.
  static absl::StatusOr<std::unique_ptr<GitMirrors>> Open(GitMirrorsOptions options);
  ~GitMirrors();

  // The commit (40 hex digits) that `reference` means: a branch, a tag (annotated too), a full
  // reference ("refs/..."), a commit, the first digits of one, or "" for the branch that the server
  // calls its own. A branch wins over a tag of the same name. The commit is here afterwards. The
  // server is not asked for a full commit that is here already.
  // NOT_FOUND: no such reference or repository. INVALID_ARGUMENT: not a reference, or ambiguous.
  // UNAUTHENTICATED, PERMISSION_DENIED: credentials, host key, certificate.
  // UNAVAILABLE: network, timeouts. CANCELLED: `stop`. All name the URL, none a password.
  absl::StatusOr<std::string> Resolve(const GitPlace& place, absl::string_view reference,
                                      std::stop_token stop);

  // The files of `commit` below `subdirectory` ("": all), submodules at their commits included,
  // without a checkout. Fetches what is missing. The same files in a local folder make an equal
  // tree. NOT_FOUND: no such subdirectory. INVALID_ARGUMENT: the subdirectory is no folder, a file
  // is a Git LFS pointer, a link leads out of the context, a submodule has no URL; all name it.
  // Others as Resolve. The tree outlives this object.
  absl::StatusOr<std::shared_ptr<const Tree>> OpenTree(const GitPlace& place,
                                                       const std::string& commit,
                                                       absl::string_view subdirectory,
                                                       std::stop_token stop);

  class Body;

 private:
  explicit GitMirrors(std::shared_ptr<Body> body) : body_(std::move(body)) {}
  const std::shared_ptr<Body> body_;  // Shared with the trees.
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_MIRRORS_H_
