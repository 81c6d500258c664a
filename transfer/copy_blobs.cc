#include "transfer/copy_blobs.h"

#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/status.h"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/layer_writer.h"

namespace stevedore::transfer {
namespace {

// What one blob on its way holds: the reader's and the sender's buffers.
constexpr uint64_t kTransferBytes = 1 << 20;
// A display need not hear of less.
constexpr uint64_t kTellBytes = 256 << 10;
// What compressing one layer may hold. One layer at a time has it, and uses all cores: with the
// piece that is being sent, a copy stays below 64 MiB.
constexpr uint64_t kCompressionBytes = 48 << 20;
// Higher levels of zstd need up to 90 MiB for each thread.
constexpr int kModestLevel = 9;
constexpr uint64_t kHighLevelBytes = 256 << 20;

// Host and repository of "host/repo".
std::pair<std::string, std::string> SplitMountName(const std::string& name) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return {"", ""};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

// Tells how much of a blob has passed.
class CountedSource final : public base::ByteSource {
 public:
  CountedSource(std::unique_ptr<base::ByteSource> source, std::function<void(uint64_t)> tell)
      : source_(std::move(source)), tell_(std::move(tell)) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    ASSIGN_OR_RETURN(const size_t read, source_->Read(buffer, size));
    passed_ += read;
    if (passed_ - told_ >= kTellBytes || (read == 0 && passed_ != told_)) {
      told_ = passed_;
      tell_(passed_);
    }
    return read;
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const std::function<void(uint64_t)> tell_;
  uint64_t passed_ = 0, told_ = 0;
};

}  // namespace

absl::StatusOr<bool> BlobFlights::Once(const std::string& key, const Work& work,
                                       std::stop_token stop) {
  std::shared_ptr<Flight> mine = std::make_shared<Flight>();
  // Wakes a waiter up that is to give up. Takes the lock, so that the wake-up is not lost between a
  // waiter's check and its wait.
  const std::stop_callback wake(stop, [this] {
    base::MutexLock lock(&mu_);
    ended_.SignalAll();
  });
  {
    base::MutexLock lock(&mu_);
    for (;;) {
      if (stop.stop_requested()) return absl::CancelledError("the copy was cancelled");
      const auto [it, first] = flights_.try_emplace(key, mine);
      if (first) break;
      const std::shared_ptr<Flight> other = it->second;
      while (!other->ended && !stop.stop_requested()) ended_.Wait(&mu_);
      if (other->ended && other->succeeded) return true;
    }
  }
  const absl::Status status = work();
  base::MutexLock lock(&mu_);
  mine->ended = true;
  mine->succeeded = status.ok();
  flights_.erase(key);
  ended_.SignalAll();
  if (!status.ok()) return status;
  return false;
}

void BlobFlights::Remember(const std::string& host, const oci::Digest& digest,
                           const std::string& repository) {
  base::MutexLock lock(&mu_);
  if (places_.size() >= kMaxNotes) places_.clear();
  places_[{host, digest}] = repository;
}

std::string BlobFlights::Find(const std::string& host, const oci::Digest& digest) const {
  base::MutexLock lock(&mu_);
  const auto found = places_.find({host, digest});
  return found == places_.end() ? std::string() : found->second;
}

BlobMover::BlobMover(ImageSource* from, ImageSink* to, const CopyOptions* options,
                     BlobFlights* flights, base::MemoryBudget* budget)
    : from_(*from), to_(*to), options_(*options), flights_(*flights), budget_(*budget) {
  std::tie(from_host_, from_repository_) = SplitMountName(from->MountName());
  if (ImageSource* readable = to->Readable(); readable != nullptr) {
    std::tie(to_host_, to_repository_) = SplitMountName(readable->MountName());
  }
  // A repository is one place whoever opened it; two places in memory may have one name.
  place_ = to_host_.empty() ? absl::StrCat(absl::Hex(reinterpret_cast<uintptr_t>(to)))
                            : absl::StrCat(to_host_, "/", to_repository_);
}

absl::Status BlobMover::Move(const oci::Descriptor& blob, std::stop_token stop) {
  if (oci::IsNonDistributable(blob.media_type) && !options_.foreign_layers) {
    return absl::OkStatus();
  }
  return base::Annotate(MoveOnce(blob, stop),
                        absl::StrCat("blob ", blob.digest.ToString(), " of ", from_.Describe()));
}

absl::Status BlobMover::MoveOnce(const oci::Descriptor& blob, std::stop_token stop) {
  if (Done(blob.digest)) return absl::OkStatus();
  Tell({.kind = CopyEvent::Kind::kFound, .content = blob});
  const std::string key = absl::StrCat(place_, " ", blob.digest.ToString());
  const auto work = [&]() -> absl::Status {
    // Another thread of this copy may have had its flight since.
    if (Done(blob.digest)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Outcome outcome, FindOrSend(blob, stop));
    Note(blob, outcome);
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const bool by_others, flights_.Once(key, work, stop));
  if (by_others) Note(blob, Outcome::kThere);
  return absl::OkStatus();
}

absl::StatusOr<BlobMover::Outcome> BlobMover::FindOrSend(const oci::Descriptor& blob,
                                                         std::stop_token stop) {
  // A repository that has the manifest has its blobs.
  if (!to_host_.empty() && to_host_ == from_host_ && to_repository_ == from_repository_) {
    return Outcome::kThere;
  }
  if (!options_.dry_run) {
    ASSIGN_OR_RETURN(const bool mounted, Mount(blob, stop));
    if (mounted) return Outcome::kMounted;
  }
  ASSIGN_OR_RETURN(const bool there, to_.HasBlob(blob.digest, stop));
  if (there) {
    if (!to_host_.empty()) flights_.Remember(to_host_, blob.digest, to_repository_);
    return Outcome::kThere;
  }
  if (options_.dry_run) {
    const bool would_mount = !to_host_.empty() && to_host_ == from_host_;
    return would_mount ? Outcome::kMounted : Outcome::kCopied;
  }
  RETURN_IF_ERROR(Send(blob, stop));
  if (!to_host_.empty()) flights_.Remember(to_host_, blob.digest, to_repository_);
  return Outcome::kCopied;
}

absl::StatusOr<bool> BlobMover::Mount(const oci::Descriptor& blob, std::stop_token stop) {
  if (to_host_.empty()) return false;
  std::string repository = to_host_ == from_host_ ? from_repository_ : "";
  if (repository.empty()) repository = flights_.Find(to_host_, blob.digest);
  if (repository.empty() || repository == to_repository_) return false;
  return to_.MountBlob(blob.digest, repository, stop);
}

absl::Status BlobMover::Send(const oci::Descriptor& blob, std::stop_token stop) {
  ASSIGN_OR_RETURN(const base::MemoryBudget::Lease lease, budget_.Take(kTransferBytes, stop));
  const BlobOpener opener = [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, from_.OpenBlob(blob, stop));
    const auto tell = [this, &blob](uint64_t passed) {
      Tell({.kind = CopyEvent::Kind::kBytes, .content = blob, .bytes = passed});
    };
    return std::make_unique<CountedSource>(std::move(source), tell);
  };
  return to_.PutBlob(blob, opener, stop);
}

absl::Status BlobMover::MoveConfig(const oci::Descriptor& config, std::stop_token stop) {
  RETURN_IF_ERROR(Move(config, stop));
  {
    base::MutexLock lock(&mu_);
    const auto done = done_.find(config.digest);
    if (done == done_.end() || done->second != Outcome::kCopied) return absl::OkStatus();
  }
  if (options_.dry_run || to_.Readable() == nullptr) return absl::OkStatus();
  return base::Annotate(
      ReadBack(config, stop),
      absl::StrCat("config ", config.digest.ToString(), " as read back from ", to_.Describe()));
}

absl::Status BlobMover::ReadBack(const oci::Descriptor& config, std::stop_token stop) {
  // The stream verifies size and digest at its end.
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source,
                   to_.Readable()->OpenBlob(config, stop));
  std::vector<char> buffer(64 << 10);
  for (;;) {
    ASSIGN_OR_RETURN(const size_t read, source->Read(buffer.data(), buffer.size()));
    if (read == 0) return absl::OkStatus();
  }
}

absl::StatusOr<oci::Descriptor> BlobMover::Recompress(const oci::Descriptor& layer,
                                                      const oci::Digest& diff_id,
                                                      const oci::Compression& compression,
                                                      std::stop_token stop) {
  const auto known = [&]() -> std::optional<oci::Descriptor> {
    base::MutexLock lock(&mu_);
    const auto found = recompressed_.find(layer.digest);
    if (found == recompressed_.end()) return std::nullopt;
    return found->second;
  };
  // Only threads of this copy wait for each other: another copy's result would have to be kept.
  const std::string key =
      absl::StrCat(absl::Hex(reinterpret_cast<uintptr_t>(this)), " ", layer.digest.ToString());
  const auto work = [&]() -> absl::Status {
    if (known().has_value()) return absl::OkStatus();
    Tell({.kind = CopyEvent::Kind::kFound, .content = layer});
    ASSIGN_OR_RETURN(oci::Descriptor made, SendRecompressed(layer, diff_id, compression, stop));
    Note(layer, Outcome::kCopied);
    base::MutexLock lock(&mu_);
    recompressed_[layer.digest] = std::move(made);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(flights_.Once(key, work, stop).status(), "layer ", layer.digest.ToString(),
                  " of ", from_.Describe());
  return *known();
}

absl::StatusOr<oci::Descriptor> BlobMover::SendRecompressed(const oci::Descriptor& layer,
                                                            const oci::Digest& diff_id,
                                                            const oci::Compression& compression,
                                                            std::stop_token stop) {
  ASSIGN_OR_RETURN(const base::MemoryBudget::Lease turn, flights_.compressions().Take(1, stop));
  base::MemoryBudget budget(compression.level() > kModestLevel ? kHighLevelBytes
                                                               : kCompressionBytes);
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, from_.OpenBlob(layer, stop));
  const auto tell = [this, &layer](uint64_t passed) {
    Tell({.kind = CopyEvent::Kind::kBytes, .content = layer, .bytes = passed});
  };
  ASSIGN_OR_RETURN(const oci::Decompressed tar,
                   oci::OpenDecompressed(std::make_unique<CountedSource>(std::move(blob), tell)));
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobUpload> upload, to_.StartBlob(stop));
  ASSIGN_OR_RETURN(
      const oci::LayerResult result,
      oci::WriteTarLayer(*tar.source, upload.get(),
                         {.compression = compression, .budget = &budget, .stop = stop}));
  if (result.diff_id != diff_id) {
    return absl::DataLossError(absl::StrCat("its tar is ", result.diff_id.ToString(),
                                            " but the config says ", diff_id.ToString(),
                                            "; the image is damaged at its source"));
  }
  ASSIGN_OR_RETURN(oci::Descriptor made, upload->Commit(result.descriptor.digest));
  made.media_type = result.descriptor.media_type;
  return made;
}

void BlobMover::Note(const oci::Descriptor& blob, Outcome outcome) {
  CopyEvent::Kind kind = CopyEvent::Kind::kThere;
  {
    base::MutexLock lock(&mu_);
    if (!done_.emplace(blob.digest, outcome).second) return;
    switch (outcome) {
      case Outcome::kThere:
        ++counts_.blobs_there;
        break;
      case Outcome::kMounted:
        ++counts_.blobs_mounted;
        kind = CopyEvent::Kind::kMounted;
        break;
      case Outcome::kCopied:
        ++counts_.blobs_copied;
        counts_.bytes_copied += blob.size;
        kind = CopyEvent::Kind::kCopied;
        break;
    }
  }
  Tell({.kind = kind, .content = blob, .bytes = blob.size});
}

bool BlobMover::Done(const oci::Digest& digest) const {
  base::MutexLock lock(&mu_);
  return done_.contains(digest);
}

void BlobMover::Tell(CopyEvent event) {
  if (options_.on_event == nullptr) return;
  base::MutexLock lock(&tell_mu_);
  options_.on_event(event);
}

CopyResult BlobMover::Counts() const {
  base::MutexLock lock(&mu_);
  return counts_;
}

}  // namespace stevedore::transfer
