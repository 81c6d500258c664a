#include "worker/drivers/buildkit/tree_sender.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "fsutil.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using ::fsutil::types::Packet;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The peer's end in memory: it asks for what `wants` says once it has the whole list, and ends when
// it has all of that.
class Peer final : public PacketStream {
 public:
  explicit Peer(std::vector<uint32_t> wants) : wants_(std::move(wants)) {}

  bool Write(const Packet& packet) override {
    base::MutexLock lock(&mu_);
    if (gone_) return false;
    switch (packet.type()) {
      case Packet::PACKET_STAT:
        if (packet.has_stat()) {
          list.push_back(packet.stat().path());
          stats[packet.stat().path()] = packet.stat();
        } else {
          for (const uint32_t id : wants_) Say(Packet::PACKET_REQ, id);
          missing_ = wants_.size();
          if (missing_ == 0) Say(Packet::PACKET_FIN, 0);
        }
        break;
      case Packet::PACKET_DATA:
        contents[packet.id()] += packet.data();
        if (packet.data().empty() && --missing_ == 0) Say(Packet::PACKET_FIN, 0);
        break;
      case Packet::PACKET_ERR:
        error = packet.data();
        gone_ = true;
        break;
      default:
        finished = true;
        gone_ = true;
        break;
    }
    changed_.SignalAll();
    return true;
  }

  bool Read(Packet* packet) override {
    base::MutexLock lock(&mu_);
    while (said_.empty() && !gone_) changed_.Wait(&mu_);
    if (said_.empty()) return false;
    *packet = std::move(said_.front());
    said_.pop_front();
    return true;
  }

  // Says something else than a well-behaved peer.
  void Inject(Packet::PacketType type, uint32_t id, const std::string& data = "") {
    base::MutexLock lock(&mu_);
    Say(type, id, data);
  }
  void Leave() {
    base::MutexLock lock(&mu_);
    gone_ = true;
    changed_.SignalAll();
  }

  std::vector<std::string> list;
  std::map<std::string, fsutil::types::Stat> stats;
  std::map<uint32_t, std::string> contents;
  std::string error;
  bool finished = false;

 private:
  void Say(Packet::PacketType type, uint32_t id, const std::string& data = "")
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Packet packet;
    packet.set_type(type);
    packet.set_id(id);
    packet.set_data(data);
    said_.push_back(std::move(packet));
    changed_.SignalAll();
  }

  base::Mutex mu_;
  base::CondVar changed_;
  const std::vector<uint32_t> wants_;
  std::deque<Packet> said_ ABSL_GUARDED_BY(mu_);
  size_t missing_ ABSL_GUARDED_BY(mu_) = 0;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
};

std::unique_ptr<context::MemoryTree> Example() {
  return *context::MemoryTree::Create(
      {{.path = "a/big", .content = std::string(700 << 10, 'b')},
       {.path = "a/empty", .content = ""},
       {.path = "link", .content = "a/big", .type = context::TreeEntry::Type::kSymlink}});
}

TEST(TreeSenderTest, ListThenContentsInOrderOfRequests) {
  const auto tree = Example();
  Peer peer({2, 1});
  uint64_t sent = 0;
  TreeSender sender(*tree, {0, 1, 2, 3}, 5, [&sent](uint64_t bytes) { sent += bytes; });
  ASSERT_OK(sender.Run(peer));
  EXPECT_THAT(peer.list, ElementsAre("a", "a/big", "a/empty", "link"));
  EXPECT_EQ(peer.stats["a/big"].size(), 700 << 10);
  EXPECT_EQ(peer.stats["a/big"].mod_time(), 5'000'000'000);
  EXPECT_EQ(peer.stats["link"].linkname(), "a/big");
  EXPECT_EQ(peer.contents[1], std::string(700 << 10, 'b'));
  EXPECT_EQ(peer.contents[2], "");
  EXPECT_EQ(sent, 700U << 10);
  EXPECT_TRUE(peer.finished);
}

TEST(TreeSenderTest, OnlyWhatIsNamedIsSent) {
  const auto tree = Example();
  Peer peer({1});
  ASSERT_OK(TreeSender(*tree, {0, 2}, 0, nullptr).Run(peer));
  EXPECT_THAT(peer.list, ElementsAre("a", "a/empty"));
}

TEST(TreeSenderTest, APeerThatHasEverythingAsksForNothing) {
  const auto tree = Example();
  Peer peer({});
  ASSERT_OK(TreeSender(*tree, {0, 1, 2, 3}, 0, nullptr).Run(peer));
  EXPECT_THAT(peer.contents, IsEmpty());
  EXPECT_TRUE(peer.finished);
}

TEST(TreeSenderTest, RequestsForWhatIsNoFileAreRefused) {
  const auto tree = Example();
  for (const std::vector<uint32_t>& wants :
       std::vector<std::vector<uint32_t>>{{4}, {4'000'000'000}, {0}, {3}, {2, 2}}) {
    Peer peer(wants);
    EXPECT_THAT(TreeSender(*tree, {0, 1, 2, 3}, 0, nullptr).Run(peer),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("BuildKit asks for entry")));
    EXPECT_THAT(peer.error, HasSubstr("of 4 entries"));
  }
}

TEST(TreeSenderTest, APeerThatRefusesOrLeaves) {
  const auto tree = Example();
  Peer refuses({});
  refuses.Inject(Packet::PACKET_ERR, 0, "disk\nfull");
  EXPECT_THAT(TreeSender(*tree, {0, 1}, 0, nullptr).Run(refuses),
              StatusIs(absl::StatusCode::kAborted,
                       HasSubstr("BuildKit refuses the context: `disk\\nfull`")));
  Peer leaves({});
  leaves.Leave();
  EXPECT_THAT(
      TreeSender(*tree, {0, 1}, 0, nullptr).Run(leaves),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("BuildKit closed the connection")));
}

// A tree whose files cannot be read.
class BrokenTree final : public context::Tree {
 public:
  explicit BrokenTree(const context::Tree& like) : Tree(like.entries()) {}
  absl::StatusOr<std::unique_ptr<base::RandomReader>> OpenContent(uint64_t) const override {
    return absl::NotFoundError("the file went away");
  }
};

TEST(TreeSenderTest, AFileThatCannotBeReadIsToldThePeer) {
  const auto tree = Example();
  const BrokenTree broken(*tree);
  Peer peer({1});
  EXPECT_THAT(TreeSender(broken, {0, 1}, 0, nullptr).Run(peer),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("context file a/big: the file")));
  EXPECT_THAT(peer.error, HasSubstr("the file went away"));
}

}  // namespace
}  // namespace stevedore::worker
