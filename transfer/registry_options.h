// Settings of the registry client.

#ifndef STEVEDORE_TRANSFER_REGISTRY_OPTIONS_H_
#define STEVEDORE_TRANSFER_REGISTRY_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "http/client.h"
#include "transfer/host_settings.h"

namespace stevedore::transfer {

// The largest manifest or index that is read or sent; the specification asks for at least so much.
inline constexpr uint64_t kManifestLimitBytes = 4 << 20;

// Settings of a RegistryClient. A value.
struct RegistryClientOptions {
  // Registries ("host" or "host:port") that may be spoken to in plain HTTP, or over TLS with any
  // certificate. Loopback addresses may always be spoken to in plain HTTP, except where `tls_hosts`
  // names them.
  std::vector<std::string> insecure_registries = {};
  // TLS settings by registry ("host" or "host:port"); the others get the system's.
  std::map<std::string, http::TlsOptions> tls_hosts = {};
  // Settings that are looked up when a registry is first spoken to; those above beat them. Null:
  // there are none.
  HostSettingsFinder host_settings = nullptr;
  // Further hosts ("auth.example.com") that a registry may name as its token service and that then
  // see the password. A registry's own host, its subdomains and its sister hosts below the same
  // parent domain are always allowed.
  std::vector<std::string> token_hosts = {};

  // A request that failed for a passing reason is repeated so often, after waits with full jitter
  // from `first_wait` up to `longest_wait`, or as long as Retry-After says (never longer than
  // `longest_wait`). A registry that has not answered once yet gets two repetitions only: a wrong
  // address should not take minutes to report.
  int retries = 6;
  absl::Duration first_wait = absl::Seconds(1);
  absl::Duration longest_wait = absl::Seconds(60);
  // Waits, and returns early when `stop` is requested; null: the real thing. Tests record instead.
  std::function<void(absl::Duration, std::stop_token)> wait = nullptr;
  // Called before every request to a registry's API, on the caller's thread; may wait, to keep to a
  // rate. An error ends the operation. Null: nothing. Thread-safe.
  std::function<absl::Status(std::stop_token)> before_request = nullptr;
  // Is told what registries warn of (`Warning: 299`), each text once. Null: it is logged.
  // Thread-safe.
  std::function<void(const std::string& registry, const std::string& warning)> warn = nullptr;
  absl::Duration connect_timeout = absl::Seconds(20);
  absl::Duration idle_timeout = absl::Seconds(120);
  // A manifest or one page of a list has to be there after so long, however it trickles.
  absl::Duration document_timeout = absl::Minutes(5);
  // A blob that comes more slowly, over `idle_timeout` of waiting for it, is broken off and asked
  // for again.
  uint64_t least_bytes_per_second = 512;
  // Lists (tags, repositories, referrers) that are longer than this are refused.
  int list_page_limit = 10000;
  uint64_t list_limit_bytes = 64 << 20;

  // Streaming uploads (StartBlob) send pieces of this size and hold one in memory.
  uint64_t chunk_bytes = 8 << 20;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_REGISTRY_OPTIONS_H_
