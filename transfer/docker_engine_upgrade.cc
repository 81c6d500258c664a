// DockerEngine::Upgrade: HTTP by hand for the one request after which the connection is ours.

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/c_handle.h"
#include "base/status.h"
#include "transfer/docker_engine.h"
#include "transfer/docker_engine_error.h"

namespace stevedore::transfer {
namespace {

constexpr int kTimeoutMilliseconds = 30'000;
// So often a wait looks whether it was cancelled.
constexpr int kSliceMilliseconds = 100;
constexpr size_t kMaxHeadBytes = 64 << 10;

// Waits until `fd` can do what `events` say.
absl::Status Await(int fd, short events, const std::stop_token& stop) {  // NOLINT: poll's type.
  for (int waited = 0; waited < kTimeoutMilliseconds; waited += kSliceMilliseconds) {
    if (stop.stop_requested()) return absl::CancelledError("cancelled");
    pollfd poll_fd{.fd = fd, .events = events, .revents = 0};
    const int ready = poll(&poll_fd, 1, kSliceMilliseconds);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return base::ErrnoStatus(errno, "poll");
  }
  return absl::UnavailableError("no answer for 30 s");
}

absl::StatusOr<base::FileDescriptor> Connect(int family, const sockaddr* place, socklen_t size,
                                             const std::stop_token& stop) {
  base::FileDescriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return base::ErrnoStatus(errno, "socket");
  if (connect(fd.get(), place, size) != 0) {
    if (errno != EINPROGRESS && errno != EAGAIN) {
      return absl::UnavailableError(absl::StrCat("connect: ", strerror(errno)));
    }
    RETURN_IF_ERROR(Await(fd.get(), POLLOUT, stop));
    int error_number = 0;
    socklen_t length = sizeof(error_number);
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error_number, &length);
    if (error_number != 0) {
      return absl::UnavailableError(absl::StrCat("connect: ", strerror(error_number)));
    }
  }
  return fd;
}

absl::StatusOr<base::FileDescriptor> ConnectUnix(const std::string& path,
                                                 const std::stop_token& stop) {
  sockaddr_un place = {};
  place.sun_family = AF_UNIX;
  if (path.size() >= sizeof(place.sun_path)) return absl::UnavailableError("connect: long path");
  memcpy(place.sun_path, path.data(), path.size());
  return Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&place), sizeof(place), stop);
}

absl::StatusOr<base::FileDescriptor> ConnectTcp(const DockerEngineAddress& address,
                                                const std::stop_token& stop) {
  absl::string_view host = address.host;
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int rc =
      getaddrinfo(std::string(host).c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (rc != 0) {
    return absl::UnavailableError(absl::StrCat("could not resolve host: ", gai_strerror(rc)));
  }
  const base::CHandle<addrinfo, freeaddrinfo> places(found);
  absl::StatusOr<base::FileDescriptor> fd = absl::UnavailableError("connect: host has no address");
  for (const addrinfo* place = found; place != nullptr; place = place->ai_next) {
    fd = Connect(place->ai_family, place->ai_addr, place->ai_addrlen, stop);
    if (!fd.ok()) continue;
    const int on = 1;
    setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    break;
  }
  return fd;
}

absl::Status SendAll(int fd, absl::string_view bytes, const std::stop_token& stop) {
  while (!bytes.empty()) {
    RETURN_IF_ERROR(Await(fd, POLLOUT, stop));
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return absl::UnavailableError(absl::StrCat("send: ", strerror(errno)));
    bytes.remove_prefix(sent);
  }
  return absl::OkStatus();
}

// Reads up to `end` and no byte more: what follows belongs to the caller.
absl::StatusOr<std::string> ReadHead(int fd, const std::stop_token& stop) {
  std::string head;
  while (!absl::EndsWith(head, "\r\n\r\n")) {
    if (head.size() >= kMaxHeadBytes)
      return absl::UnavailableError("the answer's head is too long");
    RETURN_IF_ERROR(Await(fd, POLLIN, stop));
    char c = 0;
    const ssize_t count = recv(fd, &c, 1, 0);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return absl::UnavailableError(absl::StrCat("receive: ", strerror(errno)));
    if (count == 0) return absl::UnavailableError("the connection ended before an answer");
    head += c;
  }
  return head;
}

// What is there of an error's body.
std::string ReadErrorText(int fd) {
  std::string text(4096, '\0');
  const ssize_t count = recv(fd, text.data(), text.size(), MSG_DONTWAIT);
  text.resize(count > 0 ? count : 0);
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

absl::StatusOr<base::FileDescriptor> DockerEngine::Upgrade(const std::string& path,
                                                           const std::string& protocol,
                                                           const http::Headers& headers,
                                                           std::stop_token stop) {
  if (address_.use_tls) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the Docker engine at ", address_.ToString(),
        " is reached by TLS, over which BuildKit cannot be spoken to here; run the build on the "
        "engine's machine, forward its socket (ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock "
        "HOST), or use a buildkitd"));
  }
  ASSIGN_OR_RETURN(const std::string version, Negotiate(stop));
  absl::StatusOr<base::FileDescriptor> fd = address_.unix_socket.empty()
                                                ? ConnectTcp(address_, stop)
                                                : ConnectUnix(address_.unix_socket, stop);
  if (!fd.ok()) return Explain(fd.status());
  std::string request = absl::StrCat("POST /v", version, path, " HTTP/1.1\r\nHost: ", HostName(),
                                     "\r\nConnection: Upgrade\r\nUpgrade: ", protocol, "\r\n");
  for (const auto& [name, value] : headers.fields()) {
    if (absl::StrContains(value, '\n') || absl::StrContains(value, '\r')) {
      return absl::InvalidArgumentError(
          absl::StrCat("value of header `", name, "` contains a line break"));
    }
    absl::StrAppend(&request, name, ": ", value, "\r\n");
  }
  absl::StrAppend(&request, "Content-Length: 0\r\n\r\n");
  absl::StatusOr<std::string> head = "";
  if (absl::Status sent = SendAll(fd->get(), request, stop); !sent.ok()) {
    head = std::move(sent);
  } else {
    head = ReadHead(fd->get(), stop);
  }
  if (!head.ok()) return Explain(base::Annotate(head.status(), absl::StrCat("POST ", path)));
  int status = 0;
  const size_t blank = head->find(' ');
  if (blank == std::string::npos || !absl::SimpleAtoi(head->substr(blank + 1, 3), &status)) {
    return Explain(absl::UnavailableError(
        absl::StrCat("POST ", path, ": the answer is not HTTP: ", base::Quoted(*head, 60))));
  }
  if (status != 101) {
    return EngineAnswerError(
        address_, std::max(status, 400),
        absl::StrCat("the engine would not change to ", protocol, " for ", path, " (HTTP status ",
                     status, "): ", base::Quoted(ReadErrorText(fd->get()))));
  }
  fcntl(fd->get(), F_SETFL, fcntl(fd->get(), F_GETFL) & ~O_NONBLOCK);
  return fd;
}

}  // namespace stevedore::transfer
