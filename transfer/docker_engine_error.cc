#include "transfer/docker_engine_error.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

std::string Engine(const DockerEngineAddress& address) {
  return absl::StrCat("Docker engine at ", address.ToString(),
                      address.origin.empty() ? "" : absl::StrCat(" (", address.origin, ")"));
}

// The errno of connecting to the socket, 0 if that works.
int TryUnixSocket(const std::string& path) {
  sockaddr_un place = {};
  place.sun_family = AF_UNIX;
  if (path.size() >= sizeof(place.sun_path)) return ENAMETOOLONG;
  memcpy(place.sun_path, path.data(), path.size());
  const base::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int rc = connect(fd.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place));
  return rc == 0 ? 0 : errno;
}

std::string UnixRemedy(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return "there is no such socket: start the engine (`systemctl start docker`), or set "
             "DOCKER_HOST to where it listens";
    case EACCES:
    case EPERM:
      return absl::StrCat("permission denied on ", path,
                          ": join the group that owns it (`usermod -aG docker USER`, then log in "
                          "again), or use an engine of your own by DOCKER_HOST");
    case ECONNREFUSED:
      return "nobody listens there: the engine has stopped, start it again (`systemctl start "
             "docker`)";
    case ENAMETOOLONG:
      return "the path is longer than the 107 bytes that unix sockets allow";
    case ENOTSOCK:
      return "the path is no socket: set DOCKER_HOST to where the engine listens";
    default:
      return strerror(error_number);
  }
}

bool AnyOf(absl::string_view text, std::initializer_list<absl::string_view> parts) {
  for (absl::string_view part : parts) {
    if (absl::StrContains(text, part)) return true;
  }
  return false;
}

}  // namespace

absl::Status ExplainEngineFailure(const DockerEngineAddress& address, const absl::Status& status) {
  if (status.ok() || absl::IsCancelled(status) || absl::IsDeadlineExceeded(status)) return status;
  if (absl::IsFailedPrecondition(status)) {  // TLS.
    return absl::UnavailableError(
        absl::StrCat(Engine(address), ": ", status.message(),
                     "; check DOCKER_TLS_VERIFY and DOCKER_CERT_PATH (ca.pem, cert.pem, key.pem)"));
  }
  if (!absl::IsUnavailable(status)) return base::Annotate(status, Engine(address));
  if (!address.unix_socket.empty()) {
    if (const int error_number = TryUnixSocket(address.unix_socket); error_number != 0) {
      return absl::UnavailableError(
          absl::StrCat(Engine(address), ": ", UnixRemedy(address.unix_socket, error_number)));
    }
  }
  const std::string text = absl::AsciiStrToLower(status.message());
  if (address.unix_socket.empty() &&
      AnyOf(text, {"failed to connect", "couldn't connect", "resolve host", "connect: "})) {
    return absl::UnavailableError(absl::StrCat(
        Engine(address), ": ", status.message(),
        "; start the engine with that address (dockerd -H), or set DOCKER_HOST to where it is"));
  }
  return absl::UnavailableError(
      absl::StrCat(Engine(address), ": ", status.message(),
                   "; the engine stopped or was restarted: see its log (`journalctl -u docker`)"));
}

absl::Status EngineReportedError(const DockerEngineAddress& address, absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  // The text holds the command, which may hold anything; what matters then is its end.
  const bool command = AnyOf(lower, {"returned a non-zero code"});
  if (command ? absl::EndsWith(lower, "no space left on device")
              : AnyOf(lower, {"no space left on device", "disk quota exceeded"})) {
    return absl::ResourceExhaustedError(
        absl::StrCat(Engine(address), ": ", text,
                     "; free space on its disk (`docker system df`, `docker image prune`)"));
  }
  if (command) return absl::FailedPreconditionError(text);
  if (AnyOf(lower, {"unauthorized", "authentication required", "no basic auth credentials",
                    "access denied", "access to the resource is denied"})) {
    return absl::UnauthenticatedError(absl::StrCat(
        text, "; log in to that registry (`stevedore-cli login`), or correct the image's name"));
  }
  if (AnyOf(lower, {"toomanyrequests", "connection refused", "connection reset", "i/o timeout",
                    "tls handshake", "no such host", "server misbehaving", "unexpected eof",
                    "network is unreachable", "no route to host", "context canceled",
                    "deadline exceeded", "service unavailable", "bad gateway",
                    "x509:", "server gave http response to https client"})) {
    return absl::UnavailableError(absl::StrCat(Engine(address), ": ", text));
  }
  if (AnyOf(lower, {"manifest unknown", "not found", "does not exist", "no such image"})) {
    return absl::NotFoundError(text);
  }
  return absl::InvalidArgumentError(text);
}

absl::Status EngineAnswerError(const DockerEngineAddress& address, int status,
                               absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (AnyOf(lower, {"client version", "http request to an https server"})) {
    return absl::UnavailableError(absl::StrCat(
        Engine(address), ": ", text,
        AnyOf(lower, {"https"})
            ? "; set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to the folder with ca.pem, cert.pem "
              "and key.pem"
            : "; unset DOCKER_API_VERSION, or use an engine that speaks it"));
  }
  switch (status) {
    case 401:
      return absl::UnauthenticatedError(absl::StrCat(Engine(address), ": ", text));
    case 403:
      return absl::PermissionDeniedError(absl::StrCat(Engine(address), ": ", text));
    case 404:
      return absl::NotFoundError(text);
    case 409:
      return absl::FailedPreconditionError(absl::StrCat(Engine(address), ": ", text));
    case 502:
    case 503:
    case 504:
      return absl::UnavailableError(absl::StrCat(Engine(address), ": ", text));
    default:
      return EngineReportedError(address, text);
  }
}

}  // namespace stevedore::transfer
