#include "http/testing/loopback_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::http::testing {
namespace {

constexpr size_t kHeadLimitBytes = 256 << 10;

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

uint64_t ReceivedRequest::ContentLength() const {
  uint64_t length = 0;
  const std::string text = headers.Find("Content-Length").value_or("0");
  return absl::SimpleAtoi(text, &length) ? length : 0;
}

absl::StatusOr<ReceivedRequest> Connection::ReadRequest() {
  size_t end;
  while ((end = ahead_.find("\r\n\r\n")) == std::string::npos) {
    char buffer[16 << 10];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return absl::OutOfRangeError("the peer closed the connection");
    ahead_.append(buffer, n);
    if (ahead_.size() > kHeadLimitBytes) return absl::InvalidArgumentError("head too long");
  }
  ReceivedRequest request;
  request.head = ahead_.substr(0, end + 4);
  ahead_.erase(0, end + 4);
  const std::vector<std::string> lines = absl::StrSplit(request.head, "\r\n", absl::SkipEmpty());
  const std::vector<std::string> first = absl::StrSplit(lines[0], ' ');
  request.method = first[0];
  request.target = first.size() > 1 ? first[1] : "";
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> field =
        absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
    request.headers.Add(field.first, absl::StripAsciiWhitespace(field.second));
  }
  return request;
}

absl::StatusOr<size_t> Connection::Read(char* buffer, size_t size) {
  if (!ahead_.empty()) {
    const size_t count = std::min(size, ahead_.size());
    memcpy(buffer, ahead_.data(), count);
    ahead_.erase(0, count);
    return count;
  }
  const ssize_t n = recv(fd_, buffer, size, 0);
  if (n < 0) return base::ErrnoStatus(errno, "recv");
  return static_cast<size_t>(n);
}

absl::StatusOr<std::string> Connection::ReadExactly(uint64_t size) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    ASSIGN_OR_RETURN(const size_t n, Read(bytes.data() + done, size - done));
    if (n == 0) return absl::OutOfRangeError("the peer closed the connection inside a body");
    done += n;
  }
  return bytes;
}

absl::Status Connection::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return base::ErrnoStatus(errno, "send");
    bytes.remove_prefix(n);
  }
  return absl::OkStatus();
}

absl::Status Connection::Answer(int status, const Headers& headers, absl::string_view body) {
  std::string head = absl::StrCat("HTTP/1.1 ", status, " Answer\r\n");
  for (const auto& [name, value] : headers.fields()) {
    absl::StrAppend(&head, name, ": ", value, "\r\n");
  }
  absl::StrAppend(&head, "Content-Length: ", body.size(), "\r\n\r\n", body);
  return Write(head);
}

void Connection::Reset() {
  const linger abort{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

absl::StatusOr<std::unique_ptr<LoopbackServer>> LoopbackServer::Start(Handler handler) {
  base::FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof address;
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.get(), 128) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return base::ErrnoStatus(errno, "listen on 127.0.0.1");
  }
  return std::unique_ptr<LoopbackServer>(
      new LoopbackServer(std::move(listener), ntohs(address.sin_port), std::move(handler)));
}

LoopbackServer::LoopbackServer(base::FileDescriptor listener, int port, Handler handler)
    : listener_(std::move(listener)), port_(port), handler_(std::move(handler)) {
  acceptor_ = std::jthread([this] { Accept(); });
}

LoopbackServer::~LoopbackServer() {
  {
    base::MutexLock lock(&mu_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  threads_.clear();
}

std::string LoopbackServer::host() const { return absl::StrCat("127.0.0.1:", port_); }

int LoopbackServer::connection_count() const {
  base::MutexLock lock(&mu_);
  return connection_count_;
}

void LoopbackServer::Accept() {
  while (true) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::list<int>::iterator entry;
    {
      base::MutexLock lock(&mu_);
      if (stopping_) {
        close(fd);
        return;
      }
      ++connection_count_;
      entry = open_.insert(open_.end(), fd);
    }
    threads_.emplace_back([this, fd, entry] {
      Connection connection(fd);
      handler_(connection);
      base::MutexLock lock(&mu_);
      open_.erase(entry);
      close(fd);
    });
  }
}

absl::StatusOr<base::FileDescriptor> ConnectLoopback(int port) {
  base::FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = LoopbackAddress(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::ErrnoStatus(errno, absl::StrCat("connect to 127.0.0.1:", port));
  }
  return fd;
}

}  // namespace stevedore::http::testing
