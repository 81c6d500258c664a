// A registry's evil twin: forwards requests, but breaks some on purpose.

#ifndef STEVEDORE_TESTS_HARNESS_FAULTY_PROXY_H_
#define STEVEDORE_TESTS_HARNESS_FAULTY_PROXY_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "http/headers.h"
#include "http/testing/loopback_server.h"

namespace stevedore::testing {

// What happens to the next matching requests. Plain data; the first set action counts.
struct Fault {
  std::string method = "";  // Empty: any.
  std::string path = "";    // A part of path and query; empty: any.
  int times = 1;            // Requests it hits before it is used up.

  int status = 0;              // Answer this instead of forwarding (after reading the body)…
  http::Headers headers = {};  // …with these fields, such as Retry-After.
  std::string body = "";
  // Close the connection after so many bytes of the request's body went on to the server.
  std::optional<uint64_t> cut_request_after = std::nullopt;
  // Close the connection after so many bytes of the answer's body; the server is done by then.
  std::optional<uint64_t> cut_response_after = std::nullopt;
  // Read the request, then neither forward nor answer until the client goes.
  bool hang = false;
  // Forward the request, let the server finish, but keep its answer until FaultyProxy::Release.
  bool hold_answer = false;
  // Pass on the answer no faster than this.
  uint64_t bytes_per_second = 0;
};

// Forwards HTTP requests to a server at 127.0.0.1 and applies faults. Thread-safe.
class FaultyProxy {
 public:
  // `server_port` is where the real server listens.
  static absl::StatusOr<std::unique_ptr<FaultyProxy>> Start(int server_port);

  // "127.0.0.1:34567"
  std::string host() const { return server_->host(); }
  int port() const { return server_->port(); }

  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;
  ~FaultyProxy() { Release(); }

  // Passes on the answers that are held, and holds no more.
  void Release() ABSL_LOCKS_EXCLUDED(mu_);
  // Answers held so far, released or not.
  int held_count() const ABSL_LOCKS_EXCLUDED(mu_);
  // Faults are tried in the order they were added.
  void Add(Fault fault) ABSL_LOCKS_EXCLUDED(mu_);
  // Faults that were not used up yet.
  int pending_count() const ABSL_LOCKS_EXCLUDED(mu_);
  // Requests seen whose "METHOD path" contains `text`.
  int RequestCount(absl::string_view text) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  explicit FaultyProxy(int server_port) : server_port_(server_port) {}
  void Serve(http::testing::Connection& client) ABSL_LOCKS_EXCLUDED(mu_);
  void AwaitRelease() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Forward(const http::testing::ReceivedRequest& request,
                       http::testing::Connection& client, const std::optional<Fault>& fault);
  std::optional<Fault> Take(const http::testing::ReceivedRequest& request) ABSL_LOCKS_EXCLUDED(mu_);

  const int server_port_;
  mutable base::Mutex mu_;
  base::CondVar released_changed_;
  bool released_ ABSL_GUARDED_BY(mu_) = false;
  int held_count_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> seen_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_FAULTY_PROXY_H_
