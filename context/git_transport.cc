#include "context/git_transport.h"

#include <fcntl.h>
#include <git2.h>
#include <git2/sys/stream.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace stevedore::context {
namespace {

constexpr int kSliceMs = 100;

thread_local NetworkWatch* current_watch = nullptr;

// A TCP connection as libgit2 sees it. The first four members are those of the library's own socket
// stream, in its order: the ssh transport takes the descriptor out of there.
struct SocketStream {
  git_stream parent;
  char* host;
  char* port;
  int socket;
  // Ours.
  NetworkWatch* watch;
};

SocketStream* Self(git_stream* stream) { return reinterpret_cast<SocketStream*>(stream); }

int NetError(absl::string_view text) {
  git_error_set_str(GIT_ERROR_NET, std::string(text).c_str());
  return -1;
}

// Waits until `fd` is ready for `events`; false if the watch cut it or `deadline` passed.
bool Await(int fd, short events, const NetworkWatch* watch, absl::Time deadline) {
  while (true) {
    pollfd entry = {fd, events, 0};
    const int ready = ::poll(&entry, 1, kSliceMs);
    if (watch != nullptr && watch->cut()) return false;
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (absl::Now() > deadline) return false;
  }
}

// One address; -1 and a reason in `error` if it did not answer.
int ConnectTo(const addrinfo& address, const NetworkWatch* watch, absl::Duration timeout,
              std::string* error) {
  const int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address.ai_protocol);
  if (fd < 0) {
    *error = std::strerror(errno);
    return -1;
  }
  int failed = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (failed == EINPROGRESS) {
    if (Await(fd, POLLOUT, watch, absl::Now() + timeout)) {
      socklen_t size = sizeof(failed);
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    } else {
      failed = ETIMEDOUT;
    }
  }
  if (failed != 0) {
    *error = std::strerror(failed);
    ::close(fd);
    return -1;
  }
  // Without O_NONBLOCK from here on, as the library's own.
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  return fd;
}

int StreamConnect(git_stream* stream) {
  SocketStream* const self = Self(stream);
  NetworkWatch* const watch = self->watch;
  if (watch != nullptr && !watch->Connecting(self->host, self->port)) {
    return NetError("the connection was given up");
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int rc = ::getaddrinfo(self->host, self->port, &hints, &found); rc != 0) {
    return NetError(absl::StrCat("find ", self->host, ": ", gai_strerror(rc)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  const absl::Duration timeout =
      watch == nullptr ? absl::Seconds(30) : watch->options().connect_timeout;
  std::string error = "no address";
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    self->socket = ConnectTo(*address, watch, timeout, &error);
    if (self->socket >= 0 || (watch != nullptr && watch->cut())) break;
  }
  if (self->socket < 0) {
    return NetError(absl::StrCat("connect to ", self->host, ":", self->port, ": ", error));
  }
  if (watch != nullptr) watch->Add(self->socket);
  return 0;
}

ssize_t StreamRead(git_stream* stream, void* data, size_t size) {
  SocketStream* const self = Self(stream);
  if (!Await(self->socket, POLLIN, self->watch, absl::InfiniteFuture())) {
    return NetError("the connection was given up");
  }
  const ssize_t n = ::recv(self->socket, data, size, 0);
  if (n < 0) return NetError(absl::StrCat("receive: ", std::strerror(errno)));
  return n;
}

ssize_t StreamWrite(git_stream* stream, const char* data, size_t size, int /*flags*/) {
  SocketStream* const self = Self(stream);
  if (!Await(self->socket, POLLOUT, self->watch, absl::InfiniteFuture())) {
    return NetError("the connection was given up");
  }
  const ssize_t n = ::send(self->socket, data, size, MSG_NOSIGNAL);
  if (n < 0) return NetError(absl::StrCat("send: ", std::strerror(errno)));
  return n;
}

int StreamClose(git_stream* stream) {
  SocketStream* const self = Self(stream);
  if (self->socket < 0) return 0;
  if (self->watch != nullptr) self->watch->Remove(self->socket);
  ::close(self->socket);
  self->socket = -1;
  return 0;
}

void StreamFree(git_stream* stream) {
  SocketStream* const self = Self(stream);
  StreamClose(stream);
  std::free(self->host);
  std::free(self->port);
  std::free(self);
}

int StreamNew(git_stream** out, const char* host, const char* port) {
  auto* const self = static_cast<SocketStream*>(std::calloc(1, sizeof(SocketStream)));
  if (self == nullptr) std::abort();
  self->host = ::strdup(host);
  self->port = ::strdup(port);
  self->socket = -1;
  self->watch = current_watch;
  self->parent.version = GIT_STREAM_VERSION;
  self->parent.connect = StreamConnect;
  self->parent.read = StreamRead;
  self->parent.write = StreamWrite;
  self->parent.close = StreamClose;
  self->parent.free = StreamFree;
  *out = &self->parent;
  return 0;
}

void RegisterStreams() {
  static std::once_flag once;
  std::call_once(once, [] {
    git_stream_registration registration = {};
    registration.version = GIT_STREAM_VERSION;
    registration.init = StreamNew;
    git_stream_register(GIT_STREAM_STANDARD, &registration);
  });
}

uint64_t BytesReceived(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_bytes_received + info.tcpi_bytes_acked;
}

}  // namespace

NetworkWatch::NetworkWatch(NetworkWatchOptions options)
    : options_(std::move(options)), moved_(absl::Now()) {
  RegisterStreams();
  current_watch = this;
  thread_ = std::jthread([this] { Run(); });
}

NetworkWatch::~NetworkWatch() {
  current_watch = nullptr;
  base::MutexLock lock(&mu_);
  ended_ = true;
  changed_.SignalAll();
}

NetworkWatch* NetworkWatch::Current() { return current_watch; }

void NetworkWatch::Run() {
  base::MutexLock lock(&mu_);
  while (!ended_) {
    changed_.WaitFor(&mu_, absl::Milliseconds(kSliceMs / 2));
    Look();
  }
}

void NetworkWatch::Look() {
  if (!failure_.ok()) return;
  if (options_.stop.stop_requested()) {
    FailLocked(absl::CancelledError("cancelled"));
    return;
  }
  uint64_t seen = progress_;
  for (const int fd : sockets_) seen += BytesReceived(fd);
  const absl::Time now = absl::Now();
  if (seen != seen_ || sockets_.empty()) {
    seen_ = seen;
    moved_ = now;
  } else if (now - moved_ > options_.idle_timeout) {
    FailLocked(absl::UnavailableError(
        absl::StrCat("the server said nothing for ", absl::FormatDuration(options_.idle_timeout))));
  }
}

void NetworkWatch::FailLocked(absl::Status why) {
  if (failure_.ok()) failure_ = std::move(why);
  // Wakes whoever reads, the ssh library too.
  for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
}

void NetworkWatch::Fail(absl::Status why) {
  base::MutexLock lock(&mu_);
  FailLocked(std::move(why));
}

void NetworkWatch::Progress() {
  base::MutexLock lock(&mu_);
  ++progress_;
}

void NetworkWatch::CredentialsGiven() {
  base::MutexLock lock(&mu_);
  credentials_given_ = true;
}

std::string NetworkWatch::elsewhere() const {
  base::MutexLock lock(&mu_);
  return elsewhere_;
}

absl::Status NetworkWatch::failure() const {
  base::MutexLock lock(&mu_);
  return failure_;
}

bool NetworkWatch::Connecting(absl::string_view host, absl::string_view port) {
  base::MutexLock lock(&mu_);
  if (!failure_.ok()) return false;
  int number = 0;
  const bool meant = absl::EqualsIgnoreCase(host, options_.host) &&
                     (port.empty() || (absl::SimpleAtoi(port, &number) && number == options_.port));
  elsewhere_ = meant ? "" : absl::StrCat(host, ":", port);
  if (!meant && credentials_given_) {
    FailLocked(
        absl::PermissionDeniedError(absl::StrCat("the server redirects to ", elsewhere_,
                                                 ", where the credentials do not belong; use that "
                                                 "address in the definition if it is right")));
    return false;
  }
  return true;
}

void NetworkWatch::Add(int fd) {
  base::MutexLock lock(&mu_);
  sockets_.push_back(fd);
  ++progress_;
  if (!failure_.ok()) ::shutdown(fd, SHUT_RDWR);
}

void NetworkWatch::Remove(int fd) {
  base::MutexLock lock(&mu_);
  sockets_.erase(std::remove(sockets_.begin(), sockets_.end(), fd), sockets_.end());
}

}  // namespace stevedore::context
