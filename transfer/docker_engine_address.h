// Where the Docker engine is that the user means.

#ifndef STEVEDORE_TRANSFER_DOCKER_ENGINE_ADDRESS_H_
#define STEVEDORE_TRANSFER_DOCKER_ENGINE_ADDRESS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "http/client.h"

namespace stevedore::transfer {

// How to reach an engine. A value.
struct DockerEngineAddress {
  // Path of a unix socket, or empty: then `host` and `port`.
  std::string unix_socket = "/var/run/docker.sock";
  std::string host = "";  // IPv6 in brackets.
  int port = 0;
  // Whether TCP carries TLS, and with which certificates.
  bool use_tls = false;
  http::TlsOptions tls = {};
  // "1.41": speak this version of the API; empty: the newest that both sides know.
  std::string api_version = "";
  // Where this came from, for messages: "DOCKER_HOST", "docker context prod"; empty: the default.
  std::string origin = "";

  // "unix:///var/run/docker.sock", "tcp://host:2376": for messages.
  std::string ToString() const;

  // From "unix://PATH", "tcp://HOST[:PORT]", "http://…", "https://…". Without TLS; the port is
  // 2375, for https 2376. INVALID_ARGUMENT, saying what is allowed, for anything else; ssh:// is
  // refused with the way to tunnel it.
  static absl::StatusOr<DockerEngineAddress> Parse(absl::string_view text);

  // As the docker client chooses: DOCKER_HOST, else DOCKER_CONTEXT or the current context of
  // config.json (in DOCKER_CONFIG or HOME/.docker), else the default socket. DOCKER_TLS_VERIFY (not
  // empty: verify), DOCKER_CERT_PATH (ca.pem, cert.pem, key.pem; its presence alone means TLS) and
  // DOCKER_API_VERSION count. INVALID_ARGUMENT and NOT_FOUND name the variable or file.
  static absl::StatusOr<DockerEngineAddress> FromEnvironment(
      const std::map<std::string, std::string>& environment);
};

// The variables that FromEnvironment looks at, as this process has them.
std::map<std::string, std::string> DockerEnvironment();

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ENGINE_ADDRESS_H_
