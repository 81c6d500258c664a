#include "worker/drivers/buildkit/agent_relay.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::worker {
namespace {

absl::StatusOr<base::FileDescriptor> Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("ssh agent's socket ", path, ": the path is longer than a socket's may be"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return base::ErrnoStatus(errno, "make a socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::UnavailableError(
        absl::StrCat("ssh agent at ", path, " cannot be reached: ", std::strerror(errno),
                     "; start ssh-agent and see that SSH_AUTH_SOCK names its socket"));
  }
  return fd;
}

bool SendAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

absl::Status RelayAgent(const std::string& path, const std::function<bool(std::string*)>& read,
                        const std::function<bool(absl::string_view)>& write,
                        const std::function<void()>& close) {
  ASSIGN_OR_RETURN(const base::FileDescriptor agent, Connect(path));
  std::thread from_agent([&] {
    char buffer[16 << 10];
    for (;;) {
      const ssize_t n = recv(agent.get(), buffer, sizeof(buffer), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      if (!write(absl::string_view(buffer, static_cast<size_t>(n)))) break;
    }
    close();
  });
  std::string bytes;
  while (read(&bytes) && SendAll(agent.get(), bytes)) {
  }
  shutdown(agent.get(), SHUT_RDWR);
  from_agent.join();
  return absl::OkStatus();
}

}  // namespace stevedore::worker
