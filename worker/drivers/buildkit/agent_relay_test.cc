#include "worker/drivers/buildkit/agent_relay.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

base::FileDescriptor Listen(const std::string& path) {
  base::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd.get(), 1), 0);
  return fd;
}

// The other side: says one thing, then waits until it is closed.
class Side {
 public:
  bool Read(std::string* bytes) {
    if (!said_) {
      said_ = true;
      *bytes = "list";
      return true;
    }
    base::MutexLock lock(&mu_);
    while (!closed_) changed_.Wait(&mu_);
    return false;
  }
  bool Write(absl::string_view bytes) {
    heard += std::string(bytes);
    return true;
  }
  void Close() {
    base::MutexLock lock(&mu_);
    closed_ = true;
    changed_.SignalAll();
  }
  std::string heard;

 private:
  bool said_ = false;
  base::Mutex mu_;
  base::CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

TEST(RelayAgentTest, BytesGoBothWaysUntilTheAgentCloses) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory folder,
                       base::TemporaryDirectory::Create("/tmp/agent."));
  const std::string path = base::JoinPath(folder.path(), "s");
  const base::FileDescriptor listener = Listen(path);
  std::thread agent([&listener] {
    const base::FileDescriptor client(accept(listener.get(), nullptr, nullptr));
    char bytes[5] = {};
    EXPECT_EQ(recv(client.get(), bytes, 4, MSG_WAITALL), 4);
    EXPECT_STREQ(bytes, "list");
    EXPECT_EQ(send(client.get(), "two keys", 8, MSG_NOSIGNAL), 8);
  });
  Side side;
  EXPECT_OK(RelayAgent(
      path, [&side](std::string* bytes) { return side.Read(bytes); },
      [&side](absl::string_view bytes) { return side.Write(bytes); }, [&side] { side.Close(); }));
  agent.join();
  EXPECT_EQ(side.heard, "two keys");
}

TEST(RelayAgentTest, AnAgentThatIsNotThere) {
  const auto relay = [](const std::string& path) {
    return RelayAgent(
        path, [](std::string*) { return false; }, [](absl::string_view) { return false; }, [] {});
  };
  EXPECT_THAT(relay("/nonexistent/agent"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("/nonexistent/agent cannot be reached"),
                             HasSubstr("SSH_AUTH_SOCK names its socket"))));
  EXPECT_THAT(relay("/" + std::string(200, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("longer than a socket's")));
}

}  // namespace
}  // namespace stevedore::worker
