// libgit2 behind RAII and Status. Included by this room's git_*.cc files only.

#ifndef STEVEDORE_CONTEXT_GIT_LIBRARY_H_
#define STEVEDORE_CONTEXT_GIT_LIBRARY_H_

#include <git2.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/c_handle.h"
#include "base/file.h"

namespace stevedore::context::git {

using Repository = base::CHandle<git_repository, git_repository_free>;
using Remote = base::CHandle<git_remote, git_remote_free>;
using Object = base::CHandle<git_object, git_object_free>;
using Commit = base::CHandle<git_commit, git_commit_free>;
using TreeObject = base::CHandle<git_tree, git_tree_free>;
using Odb = base::CHandle<git_odb, git_odb_free>;
using OdbObject = base::CHandle<git_odb_object, git_odb_object_free>;

// Before anything else of the library: it runs with nothing of the user's or the machine's git
// configuration, and with the certificates that SSL_CERT_FILE, SSL_CERT_DIR or GIT_SSL_CAINFO name.
// Thread-safe; cheap after the first call.
void StartLibrary();

// While it lives, the library reads a text of ours instead of ~/.ssh/known_hosts on this thread, to
// choose which kind of host key to ask a server for. One at a time per thread.
class KnownHosts {
 public:
  static absl::StatusOr<std::unique_ptr<KnownHosts>> Offer(absl::string_view text);
  KnownHosts(const KnownHosts&) = delete;
  KnownHosts& operator=(const KnownHosts&) = delete;
  ~KnownHosts();

 private:
  explicit KnownHosts(base::FileDescriptor file) : file_(std::move(file)) {}
  const base::FileDescriptor file_;
};

// Turns a return code of libgit2 into a Status, OK for 0 and above. libgit2 keeps the message in a
// thread-local, so call this on the same thread and before any other git call.
// NOT_FOUND, ALREADY_EXISTS, UNAUTHENTICATED, CANCELLED (a callback's doing), DATA_LOSS (what is
// on disk is damaged), UNAVAILABLE (network), INVALID_ARGUMENT and INTERNAL.
absl::Status ToStatus(int rc, absl::string_view doing);

// 40 lower-case hex digits.
std::string Hex(const git_oid& id);

}  // namespace stevedore::context::git

#endif  // STEVEDORE_CONTEXT_GIT_LIBRARY_H_
