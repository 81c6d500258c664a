// Where a git repository is.

#ifndef STEVEDORE_CONTEXT_GIT_URL_H_
#define STEVEDORE_CONTEXT_GIT_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace stevedore::context {

// A parsed repository URL. A value.
struct GitUrl {
  enum class Scheme { kHttps, kHttp, kSsh, kGit, kLocal };

  Scheme scheme = Scheme::kLocal;
  std::string user;       // Before the @; may be empty.
  base::Secret password;  // "https://user:token@host/..." has one. Never part of ToString.
  std::string host;       // Lower case, without brackets; empty for kLocal.
  int port = 0;           // 0: the scheme's own.
  std::string path;       // Of a URL with its leading slash; scp-like as written; kLocal: absolute.

  // Reads https://, http://, ssh://, git+ssh://, ssh+git://, git:// and file:// URLs, the form
  // [user@]host:path that means ssh, and paths on this machine (made absolute). INVALID_ARGUMENT
  // with what is allowed for everything else; no message holds a password. Thread-safe.
  static absl::StatusOr<GitUrl> Parse(absl::string_view text);

  // For git and for people: everything but the password.
  std::string ToString() const;

  // The port that is connected to.
  int EffectivePort() const;

  // The URL that a submodule of this repository names: itself, or relative ("./x", "../x").
  // INVALID_ARGUMENT for one that climbs out of the host, and for a place on this machine named by
  // a repository that is elsewhere. Thread-safe.
  absl::StatusOr<GitUrl> Resolve(absl::string_view submodule_url) const;

  // Whether credentials for this one may be shown to `other`: same host and port and no weaker
  // scheme. Thread-safe.
  bool SharesCredentialsWith(const GitUrl& other) const;
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_URL_H_
