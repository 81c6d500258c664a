// One conversation with a git server. Included by this room's git_*.cc files only.

#ifndef STEVEDORE_CONTEXT_GIT_REMOTE_H_
#define STEVEDORE_CONTEXT_GIT_REMOTE_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "context/git_credential.h"
#include "context/git_library.h"
#include "context/git_transport.h"
#include "context/git_url.h"

namespace stevedore::context::git {

// A reference as the server advertises it.
struct AdvertisedRef {
  std::string name;    // "refs/heads/main", "HEAD", "refs/tags/v1^{}" (what a tag object names).
  std::string id;      // 40 hex digits.
  std::string target;  // Of a symbolic reference, else empty.
};

// How a server is reached.
struct ServerOptions {
  GitUrl url;
  GitCredential credential;
  absl::Duration connect_timeout = absl::Seconds(30);
  absl::Duration idle_timeout = absl::Seconds(120);
  // Empty: SshKnownHosts::DefaultFiles.
  std::vector<std::string> known_hosts_files;
  std::stop_token stop;
};

// A connection for fetching. Not thread-safe: one thread makes, uses and destroys it.
class Connection {
 public:
  // Connects on behalf of the bare repository `mirror`, which must outlive this, and reads what the
  // server advertises. NOT_FOUND: no such repository. UNAUTHENTICATED, PERMISSION_DENIED: the
  // credentials, certificate or host key. UNAVAILABLE: network. CANCELLED.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(git_repository* mirror,
                                                          ServerOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::vector<AdvertisedRef>& refs() const { return refs_; }

  // Fetches `refspecs` ("+refs/heads/main:refs/...") into the mirror. Once.
  absl::Status Fetch(const std::vector<std::string>& refspecs);

 private:
  explicit Connection(ServerOptions options);
  absl::Status Start(git_repository* mirror);
  absl::Status PrepareSsh();
  absl::Status ReadRefs();
  // What a failed call means.
  absl::Status Explain(int rc, absl::string_view doing) const;
  git_remote_callbacks Callbacks();

  static int OnCredentials(git_credential** out, const char* url, const char* user,
                           unsigned int allowed, void* payload);
  static int OnCertificate(git_cert* certificate, int valid, const char* host, void* payload);
  static int OnProgress(const git_indexer_progress* stats, void* payload);
  static int OnText(const char* text, int size, void* payload);
  int GiveSshCredentials(git_credential** out, const char* user, unsigned int allowed);
  int GiveKey(git_credential** out, const std::string& name, const std::string& of);
  int GivePassword(git_credential** out);
  int Refuse(absl::Status why);

  const ServerOptions options_;
  NetworkWatch watch_;
  std::unique_ptr<KnownHosts> known_hosts_;  // For ssh.
  Remote remote_;
  std::vector<AdvertisedRef> refs_;
  int asked_ = 0;  // How often credentials were given.
  bool agent_asked_ = false;
  absl::Status refused_;  // What a callback found wrong.
};

}  // namespace stevedore::context::git

#endif  // STEVEDORE_CONTEXT_GIT_REMOTE_H_
