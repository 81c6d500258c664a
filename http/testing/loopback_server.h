// A server that answers exactly what a test says, byte for byte.

#ifndef STEVEDORE_HTTP_TESTING_LOOPBACK_SERVER_H_
#define STEVEDORE_HTTP_TESTING_LOOPBACK_SERVER_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/mutex.h"
#include "http/headers.h"

namespace stevedore::http::testing {

// The head of a request as a server sees it. A value.
struct ReceivedRequest {
  std::string method;
  std::string target;
  Headers headers;
  std::string head;  // The bytes of request line and fields, with the blank line.

  uint64_t ContentLength() const;
};

// One connection, for the handler. Not thread-safe.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  // The next request's head. OUT_OF_RANGE when the peer closed between requests.
  absl::StatusOr<ReceivedRequest> ReadRequest();
  // Up to `size` bytes of what follows; 0 at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);
  // Exactly `size` bytes.
  absl::StatusOr<std::string> ReadExactly(uint64_t size);
  absl::Status Write(absl::string_view bytes);
  // A complete answer with Content-Length.
  absl::Status Answer(int status, const Headers& headers, absl::string_view body);
  // The connection ends with RST: the peer sees it break.
  void Reset();

 private:
  const int fd_;
  std::string ahead_;
};

// Listens on a free port of 127.0.0.1, one thread per connection. Destruction cuts all connections
// and joins. Thread-safe.
class LoopbackServer {
 public:
  // Called for each connection, which is closed when it returns.
  using Handler = std::function<void(Connection&)>;

  static absl::StatusOr<std::unique_ptr<LoopbackServer>> Start(Handler handler);
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer();

  int port() const { return port_; }
  // "127.0.0.1:34567".
  std::string host() const;
  // "http://127.0.0.1:34567".
  std::string url() const { return "http://" + host(); }
  // Connections accepted so far.
  int connection_count() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  LoopbackServer(base::FileDescriptor listener, int port, Handler handler);
  void Accept() ABSL_LOCKS_EXCLUDED(mu_);

  const base::FileDescriptor listener_;
  const int port_;
  const Handler handler_;
  mutable base::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  int connection_count_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<int> open_ ABSL_GUARDED_BY(mu_);
  std::vector<std::jthread> threads_;  // Touched by the acceptor only, until it is joined.
  std::jthread acceptor_;
};

// Connects to 127.0.0.1:`port`.
absl::StatusOr<base::FileDescriptor> ConnectLoopback(int port);

}  // namespace stevedore::http::testing

#endif  // STEVEDORE_HTTP_TESTING_LOOPBACK_SERVER_H_
