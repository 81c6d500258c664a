// HTTP client: requests with streamed bodies in both directions, on libcurl.

#ifndef STEVEDORE_HTTP_CLIENT_H_
#define STEVEDORE_HTTP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "http/headers.h"

namespace stevedore::http {

// How the server is authenticated, and how we are. Paths name PEM files; empty: the certificates of
// $SSL_CERT_FILE and $SSL_CERT_DIR, else the system's, and no certificate of ours. A value.
struct TlsOptions {
  std::string ca_file = "";
  // Authorities themselves, in PEM, instead of `ca_file`.
  std::string ca_pem = "";
  std::string client_certificate_file = "";
  std::string client_key_file = "";
  // False accepts any certificate: only where the user said so for this host.
  bool verify_server = true;
};

// Request::body_size of a source that ends where it ends.
inline constexpr uint64_t kUnknownSize = UINT64_MAX;

// One request. Plain data; `body_source` is borrowed until the exchange ends.
struct Request {
  std::string method = "GET";
  // Absolute, http or https.
  std::string url = "";
  Headers headers = {};
  // What is sent: `body`, or if `body_source` is set exactly `body_size` bytes of it; with
  // kUnknownSize all of it, in chunks.
  std::string body = "";
  base::ByteSource* body_source = nullptr;
  uint64_t body_size = 0;

  TlsOptions tls = {};
  // Path of a unix socket to talk to, whatever host the URL names; empty: TCP.
  std::string unix_socket = "";
  // Never through a proxy: for addresses that mean something on this machine only.
  bool direct = false;
  // A stranger named the URL: PERMISSION_DENIED if its host's name turns out to be an address of
  // this machine or its link (loopback, link-local, where clouds keep secrets). Behind a proxy, the
  // proxy knows better.
  bool stranger_named_it = false;

  // Time for name lookup, TCP and TLS together.
  absl::Duration connect_timeout = absl::Seconds(20);
  // From the beginning until the answer's headers are complete: against peers that send them one by
  // one. For requests without a long body.
  absl::Duration head_timeout = absl::InfiniteDuration();
  // The peer is given up if neither direction moved a byte for so long.
  absl::Duration idle_timeout = absl::Seconds(120);
  // For the whole exchange, its body included.
  absl::Duration total_timeout = absl::InfiniteDuration();
  // Ends the exchange at once, with CANCELLED.
  std::stop_token stop = {};
};

// An answer that is in memory. A value.
struct Response {
  int status = 0;
  Headers headers = {};
  std::string body = "";
};

// A running exchange whose answer has begun: status and headers are there, the body is read as it
// comes (at most 256 KiB are ahead of the reader). Destroying it early closes the connection. Not
// thread-safe. Must not outlive its client.
class Exchange : public base::ByteSource {
 public:
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;

  // As ByteSource. UNAVAILABLE if the connection broke or stalled before the body's end,
  // DEADLINE_EXCEEDED after `total_timeout`, CANCELLED when stopped.
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override = 0;
};

// Settings of a client. A value.
struct ClientOptions {
  std::string user_agent = "stevedore";
  // Connections kept open when idle, over all hosts.
  int idle_connections = 32;
  // Bytes of an answer's header section; more is RESOURCE_EXHAUSTED.
  uint64_t header_limit_bytes = 128 << 10;
};

// Sends requests and keeps connections for the next ones. Follows no redirect and adds no
// credentials: that is for callers, who know which host they trust. Uses the proxies that
// `http_proxy`, `https_proxy` and `no_proxy` name, never for loopback addresses. An answer with any
// status is a success here. Thread-safe: any number of exchanges may run at once, each on its
// caller's thread.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Sends `request` and returns when the answer's headers are there.
  // UNAVAILABLE: could not look up or reach the host, or the connection broke; may be repeated.
  // FAILED_PRECONDITION: TLS refused (certificate, protocol), says which and what to do.
  // INVALID_ARGUMENT: the URL. DEADLINE_EXCEEDED, CANCELLED: as said in Request.
  // An error of `body_source` is returned as it is. Messages begin with method and URL without
  // query.
  absl::StatusOr<std::unique_ptr<Exchange>> Start(const Request& request);

  // As Start, and reads the body into memory: RESOURCE_EXHAUSTED above `body_limit_bytes`.
  absl::StatusOr<Response> Send(const Request& request, uint64_t body_limit_bytes = 4 << 20);

 private:
  class Pool;
  const ClientOptions options_;
  const std::unique_ptr<Pool> pool_;
};

// True if `host` (a name or address, with or without port or brackets) is this machine by its name
// alone: localhost, 127.0.0.0/8, ::1.
bool IsLoopbackHost(absl::string_view host);

}  // namespace stevedore::http

#endif  // STEVEDORE_HTTP_CLIENT_H_
