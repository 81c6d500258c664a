// What is known about registries before they are spoken to: mirrors, certificates, prohibitions.

#ifndef STEVEDORE_TRANSFER_HOST_SETTINGS_H_
#define STEVEDORE_TRANSFER_HOST_SETTINGS_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "http/client.h"

namespace stevedore::transfer {

// Settings of one registry. A value.
struct HostSettings {
  // Where manifests and blobs are looked for first, in this order: "mirror.example.com:5000" or
  // "mirror.example.com/hub", behind which the repository's name goes.
  std::vector<std::string> mirrors = {};
  http::TlsOptions tls = {};
  // There are certificates for it: TLS even if it is this machine.
  bool has_certificates = false;
  // May be spoken to in plain HTTP, or over TLS with any certificate.
  bool insecure = false;
  // May not be spoken to at all.
  bool blocked = false;
  // Further hosts that it may name as its token service.
  std::vector<std::string> token_hosts = {};
  // Where that is said: "stevedore.yaml:12:3". For messages.
  std::string said_in = "";
};

// Settings of registry "host[:port]"; defaults for one that nobody mentioned. Thread-safe.
using HostSettingsFinder = std::function<absl::StatusOr<HostSettings>(const std::string& registry)>;

// Folders with certificates of registries as Docker and Podman have them, the most personal first:
// ~/.config/containers/certs.d, /etc/containers/certs.d, /etc/docker/certs.d. `environment`: of the
// process. Thread-safe, as all below.
std::vector<std::string> CertificateDirectories(
    const std::map<std::string, std::string>& environment);

// Adds what the first of `directories` that has a folder named `registry` holds: `*.crt` are
// authorities beside the system's, `NAME.cert` with `NAME.key` (the first by name) is our own
// certificate. Settings that name files already keep them. FAILED_PRECONDITION, naming the file, if
// one of a pair is missing; errors of reading.
absl::Status AddCertificates(const std::vector<std::string>& directories,
                             const std::string& registry, HostSettings* settings);

// `configured` settings (by "host:port", or by "host" for all its ports), with the certificates of
// `directories`.
HostSettingsFinder FindHostSettings(std::map<std::string, HostSettings> configured,
                                    std::vector<std::string> directories);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_HOST_SETTINGS_H_
