// Where a BuildKit daemon is.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_ADDRESS_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_ADDRESS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace stevedore::worker {

// A daemon's address and what TLS needs. A value.
struct BuildkitAddress {
  std::string text;    // As the user wrote it.
  std::string target;  // As gRPC takes it: "unix:/run/buildkit/buildkitd.sock", "host:1234".
  bool tls = false;
  // Paths of PEM files; empty: the system's authorities, no client certificate.
  std::string authority_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;  // Expected in the certificate; empty: the host's.

  // From variables as buildctl's users know them: BUILDKIT_HOST ("unix:///path", "tcp://host:port")
  // and BUILDKIT_CERT_PATH, a folder with ca.pem, cert.pem and key.pem, which turns TLS on;
  // BUILDKIT_TLS_SERVER_NAME. nullopt without BUILDKIT_HOST. INVALID_ARGUMENT says what is wrong
  // with a value and what is allowed.
  static absl::StatusOr<std::optional<BuildkitAddress>> FromEnvironment(
      const std::map<std::string, std::string>& environment);
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_ADDRESS_H_
