// The sending half of BuildKit's file sync.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_TREE_SENDER_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_TREE_SENDER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "context/tree.h"

namespace fsutil::types {
class Packet;
}  // namespace fsutil::types

namespace stevedore::worker {

// A connection for packets. One thread may write while another one reads.
class PacketStream {
 public:
  virtual ~PacketStream() = default;
  // False: the peer is gone.
  virtual bool Write(const fsutil::types::Packet& packet) = 0;
  virtual bool Read(fsutil::types::Packet* packet) = 0;
};

// Sends one tree to one peer, which asks for the contents that it does not have. Not thread-safe.
class TreeSender {
 public:
  // `entries`: indexes into the tree's, in order. `file_time`: seconds since 1970, of all files.
  // `sent` is told bytes of contents; may be empty.
  TreeSender(const context::Tree& tree, std::vector<size_t> entries, int64_t file_time,
             std::function<void(uint64_t bytes)> sent)
      : tree_(tree),
        entries_(std::move(entries)),
        file_time_(file_time),
        sent_(std::move(sent)),
        asked_(entries_.size(), false) {}

  // Until the peer has everything. UNAVAILABLE if it goes, ABORTED with its words if it gives up,
  // INVALID_ARGUMENT if it asks for what is not there; errors of the tree, which the peer is told.
  absl::Status Run(PacketStream& stream);

 private:
  absl::Status SendList(PacketStream& stream) const;
  // Answers requests until the peer is done.
  absl::Status SendContents(PacketStream& stream);
  absl::Status SendContent(PacketStream& stream, uint32_t id) const;
  // Reads what the peer wants until it is done or gone.
  void Listen(PacketStream& stream);
  absl::Status Ask(uint32_t id);
  void Finish(absl::Status status);

  const context::Tree& tree_;
  const std::vector<size_t> entries_;
  const int64_t file_time_;
  const std::function<void(uint64_t bytes)> sent_;

  base::Mutex mu_;
  base::CondVar changed_;
  std::vector<bool> asked_ ABSL_GUARDED_BY(mu_);  // Each content goes once.
  std::deque<uint32_t> requests_ ABSL_GUARDED_BY(mu_);
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status outcome_ ABSL_GUARDED_BY(mu_);  // What Listen met.
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_TREE_SENDER_H_
