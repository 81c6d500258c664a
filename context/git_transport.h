// The sockets under libgit2: it has no timeouts and cannot be interrupted by itself.

#ifndef STEVEDORE_CONTEXT_GIT_TRANSPORT_H_
#define STEVEDORE_CONTEXT_GIT_TRANSPORT_H_

#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace stevedore::context {

// What a NetworkWatch enforces.
struct NetworkWatchOptions {
  absl::Duration connect_timeout = absl::Seconds(30);
  // Without a byte from the peer and without progress here.
  absl::Duration idle_timeout = absl::Seconds(120);
  std::stop_token stop;
  // Where connections are meant to go; others were redirected. Lower case.
  std::string host;
  int port = 0;
};

// Watches over the connections that libgit2 opens on this thread as long as this object lives: they
// are cut when `stop` is requested or nothing moves, and connections elsewhere are told apart so
// that credentials stay at home. One per thread at a time; other methods are thread-safe.
class NetworkWatch {
 public:
  explicit NetworkWatch(NetworkWatchOptions options);
  ~NetworkWatch();
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;

  // The one of this thread, or null.
  static NetworkWatch* Current();

  // Something moved that sockets do not show, e.g. an object was indexed.
  void Progress() ABSL_LOCKS_EXCLUDED(mu_);

  // From now on connections elsewhere are refused: the library would repeat the credentials there.
  void CredentialsGiven() ABSL_LOCKS_EXCLUDED(mu_);
  // Where the last connection went, if it is not where it should have gone; else empty.
  std::string elsewhere() const ABSL_LOCKS_EXCLUDED(mu_);

  // Why connections were cut: CANCELLED, UNAVAILABLE (timeouts), PERMISSION_DENIED (redirects with
  // credentials). OK if they were not.
  absl::Status failure() const ABSL_LOCKS_EXCLUDED(mu_);

  // For the streams. A connection to `host`:`port` is about to be opened; false if it must not.
  bool Connecting(absl::string_view host, absl::string_view port) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on `fd` is watched, resp. no longer; before it is closed.
  void Add(int fd) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(int fd) ABSL_LOCKS_EXCLUDED(mu_);
  // Whether connections have been cut.
  bool cut() const ABSL_LOCKS_EXCLUDED(mu_) { return !failure().ok(); }
  // Records why something was given up, the first time.
  void Fail(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  const NetworkWatchOptions& options() const { return options_; }

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  void Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailLocked(absl::Status why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const NetworkWatchOptions options_;
  mutable base::Mutex mu_;
  base::CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<int> sockets_ ABSL_GUARDED_BY(mu_);
  uint64_t progress_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t seen_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time moved_ ABSL_GUARDED_BY(mu_);
  bool credentials_given_ ABSL_GUARDED_BY(mu_) = false;
  std::string elsewhere_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace stevedore::context

#endif  // STEVEDORE_CONTEXT_GIT_TRANSPORT_H_
