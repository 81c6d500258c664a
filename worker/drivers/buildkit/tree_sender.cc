#include "worker/drivers/buildkit/tree_sender.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "fsutil.pb.h"
#include "worker/drivers/buildkit/folder.h"

namespace stevedore::worker {
namespace {

using context::TreeEntry;
using fsutil::types::Packet;

// One packet's content. Far below gRPC's limit of 4 MiB, far above its cost per message.
constexpr size_t kPieceBytes = 256 << 10;

absl::Status Gone() {
  return absl::UnavailableError("BuildKit closed the connection while it received files");
}

}  // namespace

absl::Status TreeSender::Run(PacketStream& stream) {
  // The peer asks while the list is still being sent.
  std::thread listener([this, &stream] { Listen(stream); });
  absl::Status status = SendList(stream);
  if (status.ok()) status = SendContents(stream);
  if (!status.ok()) {
    // The peer answers a refusal by closing, which ends the listener.
    Packet packet;
    packet.set_type(Packet::PACKET_ERR);
    packet.set_data(std::string(status.message()));
    stream.Write(packet);
  }
  listener.join();
  return status;
}

absl::Status TreeSender::SendList(PacketStream& stream) const {
  Packet packet;
  packet.set_type(Packet::PACKET_STAT);
  for (const size_t index : entries_) {
    const TreeEntry& entry = tree_.entries()[index];
    fsutil::types::Stat& stat = *packet.mutable_stat();
    stat.Clear();
    stat.set_path(entry.path);
    stat.set_mode(GoFileMode(entry));
    stat.set_mod_time(file_time_ * 1'000'000'000);
    if (entry.type == TreeEntry::Type::kFile) stat.set_size(static_cast<int64_t>(entry.size));
    if (entry.type == TreeEntry::Type::kSymlink) stat.set_linkname(entry.link_target);
    if (!stream.Write(packet)) return Gone();
  }
  packet.clear_stat();
  return stream.Write(packet) ? absl::OkStatus() : Gone();
}

absl::Status TreeSender::SendContents(PacketStream& stream) {
  for (;;) {
    uint32_t id = 0;
    {
      base::MutexLock lock(&mu_);
      while (requests_.empty() && !finished_) changed_.Wait(&mu_);
      if (finished_) {
        RETURN_IF_ERROR(outcome_);
        break;
      }
      id = requests_.front();
      requests_.pop_front();
    }
    RETURN_IF_ERROR(SendContent(stream, id));
  }
  Packet end;
  end.set_type(Packet::PACKET_FIN);
  return stream.Write(end) ? absl::OkStatus() : Gone();
}

absl::Status TreeSender::SendContent(PacketStream& stream, uint32_t id) const {
  const TreeEntry& entry = tree_.entries()[entries_[id]];
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> content,
                   tree_.OpenContent(entry.content_id), "context file ", entry.path);
  Packet packet;
  packet.set_type(Packet::PACKET_DATA);
  packet.set_id(id);
  for (uint64_t offset = 0; offset < entry.size;) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(kPieceBytes, entry.size - offset));
    std::string& data = *packet.mutable_data();
    data.resize(size);
    RETURN_IF_ERROR(content->ReadAt(offset, data.data(), size), "context file ", entry.path);
    if (!stream.Write(packet)) return Gone();
    if (sent_) sent_(size);
    offset += size;
  }
  packet.clear_data();
  return stream.Write(packet) ? absl::OkStatus() : Gone();
}

void TreeSender::Listen(PacketStream& stream) {
  Packet packet;
  while (stream.Read(&packet)) {
    switch (packet.type()) {
      case Packet::PACKET_REQ:
        if (const absl::Status status = Ask(packet.id()); !status.ok()) return Finish(status);
        break;
      case Packet::PACKET_FIN:
        return Finish(absl::OkStatus());
      case Packet::PACKET_ERR:
        return Finish(absl::AbortedError(
            absl::StrCat("BuildKit refuses the context: ", base::Quoted(packet.data(), 500))));
      default:
        break;
    }
  }
  Finish(Gone());
}

absl::Status TreeSender::Ask(uint32_t id) {
  base::MutexLock lock(&mu_);
  if (id >= entries_.size() || tree_.entries()[entries_[id]].type != TreeEntry::Type::kFile ||
      asked_[id]) {
    return absl::InvalidArgumentError(
        absl::StrCat("BuildKit asks for entry ", id, " of the context, which is no file of ",
                     entries_.size(), " entries or was asked for before"));
  }
  asked_[id] = true;
  requests_.push_back(id);
  changed_.SignalAll();
  return absl::OkStatus();
}

void TreeSender::Finish(absl::Status status) {
  base::MutexLock lock(&mu_);
  finished_ = true;
  outcome_ = std::move(status);
  changed_.SignalAll();
}

}  // namespace stevedore::worker
