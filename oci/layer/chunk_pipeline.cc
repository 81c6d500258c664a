#include "oci/layer/chunk_pipeline.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "base/status.h"

namespace stevedore::oci {
namespace {

// Chunks in the ring per thread: one at work, one waiting for its turn in a chain, one for
// unevenness. Large chunks (zstd's) have less room.
constexpr uint64_t kSlotsPerThread = 3;
constexpr uint64_t kLargeChunkBytes = 2 << 20;

int WantedThreads(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

ChunkPipeline::ChunkPipeline(ChunkSource* source, base::ByteSink* blob, LayerWriterOptions options)
    : source_(source),
      blob_(blob),
      options_(std::move(options)),
      chunk_bytes_(options_.compression.chunk_bytes()),
      sequential_(!source->size().has_value()),
      frame_(options_.compression) {
  if (!sequential_) chunk_count_ = (*source->size() + chunk_bytes_ - 1) / chunk_bytes_;
}

ChunkPipeline::~ChunkPipeline() = default;

absl::StatusOr<LayerResult> ChunkPipeline::Run() {
  uint64_t output_bound = 0;
  if (compresses()) {
    ASSIGN_OR_RETURN(const auto codec, MakeChunkCodec(options_.compression));
    output_bound = codec->Bound(chunk_bytes_);
  }
  const Shape shape = ChooseShape(output_bound);
  base::MemoryBudget::Lease lease;
  if (options_.budget != nullptr) {
    ASSIGN_OR_RETURN(lease, options_.budget->Take(shape.bytes, options_.stop),
                     "buffers of a layer");
  }
  AllocateSlots(shape, output_bound);
  RETURN_IF_ERROR(WriteBlob(frame_.Header()));
  RunThreads(shape.threads);
  absl::StatusOr<LayerResult> result = Conclude();
  // The buffers go before the lease that counts them.
  slots_.clear();
  return result;
}

ChunkPipeline::Shape ChunkPipeline::ChooseShape(uint64_t output_bound) const {
  const uint64_t size = source_->size().value_or(UINT64_MAX);
  const uint64_t chunks = std::max<uint64_t>(1, size / chunk_bytes_ + (size % chunk_bytes_ != 0));
  const uint64_t slot_bytes = std::min(size, chunk_bytes_) + output_bound;
  // A single layer takes at most half of the budget, so that a second one can start beside it.
  const uint64_t limit =
      options_.budget == nullptr ? UINT64_MAX : options_.budget->limit_bytes() / 2;
  for (uint64_t threads = WantedThreads(options_.threads);; --threads) {
    Shape shape;
    shape.threads = static_cast<int>(std::min(threads, chunks));
    shape.slots = threads == 1                       ? 1
                  : chunk_bytes_ >= kLargeChunkBytes ? threads + 1
                                                     : threads * kSlotsPerThread;
    shape.slots = std::min(shape.slots, chunks);
    const uint64_t codecs = shape.threads * CodecMemory(options_.compression);
    // A shorter ring costs some waiting; a thread less costs its whole core.
    while (shape.slots > threads && shape.slots * slot_bytes + codecs > limit) --shape.slots;
    shape.bytes = shape.slots * slot_bytes + codecs;
    if (threads == 1 || shape.bytes <= limit) return shape;
  }
}

void ChunkPipeline::AllocateSlots(const Shape& shape, uint64_t output_bound) {
  const uint64_t input_bytes = std::min(source_->size().value_or(chunk_bytes_), chunk_bytes_);
  slots_.resize(shape.slots);
  for (Slot& slot : slots_) {
    // Not zeroed: pages that a small layer never touches cost nothing.
    slot.input = std::make_unique_for_overwrite<char[]>(std::max<uint64_t>(1, input_bytes));
    if (compresses()) slot.output = std::make_unique_for_overwrite<char[]>(output_bound);
  }
}

void ChunkPipeline::RunThreads(int threads) {
  std::vector<std::jthread> helpers;
  for (int i = 1; i < threads; ++i) {
    try {
      helpers.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {
      break;  // No more threads to be had: those that run do it all.
    }
  }
  Work();
}

void ChunkPipeline::Work() {
  if (absl::Status status = WorkOnChunks(); !status.ok()) Fail(std::move(status));
}

absl::Status ChunkPipeline::WorkOnChunks() {
  std::unique_ptr<ChunkCodec> codec;
  if (compresses()) {
    ASSIGN_OR_RETURN(codec, MakeChunkCodec(options_.compression));
  }
  while (const std::optional<uint64_t> index = Claim()) {
    if (options_.stop.stop_requested()) {
      return absl::CancelledError("cancelled while a layer was written");
    }
    Slot& slot = SlotOf(*index);
    ASSIGN_OR_RETURN(const bool any, Fill(*index, slot));
    if (!any) continue;
    AdvanceTar();
    if (codec != nullptr) {
      ASSIGN_OR_RETURN(
          slot.compressed,
          codec->Compress(absl::string_view(slot.input.get(), slot.input_size), slot.output.get()));
    }
    {
      base::MutexLock lock(&mu_);
      slot.compressed_ready = true;
    }
    RETURN_IF_ERROR(AdvanceBlob());
  }
  return absl::OkStatus();
}

std::optional<uint64_t> ChunkPipeline::Claim() {
  base::MutexLock lock(&mu_);
  while (true) {
    if (!status_.ok() || (chunk_count_.has_value() && next_chunk_ >= *chunk_count_)) {
      return std::nullopt;
    }
    if (!filling_ && next_chunk_ < FreedChunks() + slots_.size()) break;
    changed_.Wait(&mu_);
  }
  filling_ = sequential_;
  return next_chunk_++;
}

// Returns whether there was anything: a stream may end at the edge of a chunk.
absl::StatusOr<bool> ChunkPipeline::Fill(uint64_t index, Slot& slot) {
  const uint64_t offset = index * chunk_bytes_;
  const uint64_t wanted = std::min(chunk_bytes_, source_->size().value_or(UINT64_MAX) - offset);
  ASSIGN_OR_RETURN(const size_t count, source_->Fill(offset, slot.input.get(), wanted));
  slot.input_size = count;
  base::MutexLock lock(&mu_);
  if (sequential_) {
    filling_ = false;
    if (count < wanted) chunk_count_ = index + (count > 0 ? 1 : 0);
    changed_.SignalAll();
  }
  slot.filled = count > 0;
  return count > 0;
}

void ChunkPipeline::AdvanceTar() {
  mu_.Lock();
  if (!tar_held_) {
    tar_held_ = true;
    while (tar_head_ < next_chunk_ && SlotOf(tar_head_).filled) {
      Slot& slot = SlotOf(tar_head_);
      slot.filled = false;
      mu_.Unlock();
      tar_hasher_.Update(absl::string_view(slot.input.get(), slot.input_size));
      tar_size_ += slot.input_size;
      mu_.Lock();
      ++tar_head_;
      changed_.SignalAll();
    }
    tar_held_ = false;
  }
  mu_.Unlock();
}

absl::Status ChunkPipeline::AdvanceBlob() {
  absl::Status status;
  mu_.Lock();
  if (!blob_held_) {
    blob_held_ = true;
    while (status.ok() && blob_head_ < next_chunk_ && SlotOf(blob_head_).compressed_ready) {
      Slot& slot = SlotOf(blob_head_);
      slot.compressed_ready = false;
      mu_.Unlock();
      status = WriteChunk(slot);
      mu_.Lock();
      ++blob_head_;
      changed_.SignalAll();
    }
    blob_held_ = false;
  }
  mu_.Unlock();
  return status;
}

absl::Status ChunkPipeline::WriteChunk(const Slot& slot) {
  const absl::string_view bytes = compresses()
                                      ? absl::string_view(slot.output.get(), slot.compressed.size)
                                      : absl::string_view(slot.input.get(), slot.input_size);
  frame_.Add(slot.compressed, slot.input_size);
  RETURN_IF_ERROR(WriteBlob(bytes));
  tar_bytes_in_blob_ += slot.input_size;
  if (options_.progress != nullptr) options_.progress(tar_bytes_in_blob_);
  return absl::OkStatus();
}

absl::Status ChunkPipeline::WriteBlob(absl::string_view bytes) {
  if (bytes.empty()) return absl::OkStatus();
  // Not compressed, the blob is the tar, whose hash the other chain makes.
  if (compresses()) blob_hasher_.Update(bytes);
  blob_size_ += bytes.size();
  return blob_->Write(bytes);
}

void ChunkPipeline::Fail(absl::Status status) {
  base::MutexLock lock(&mu_);
  if (status_.ok()) status_ = std::move(status);
  changed_.SignalAll();
}

absl::StatusOr<LayerResult> ChunkPipeline::Conclude() {
  {
    base::MutexLock lock(&mu_);
    if (!status_.ok()) return status_;
  }
  if (tar_size_ == 0) return absl::InvalidArgumentError("the tar of a layer is empty");
  RETURN_IF_ERROR(WriteBlob(frame_.Trailer()));
  RETURN_IF_ERROR(blob_->Close());
  LayerResult result;
  result.tar_size = tar_size_;
  result.diff_id = Digest::FromSha256(tar_hasher_.Finish());
  result.descriptor.media_type = options_.compression.media_type();
  result.descriptor.digest =
      compresses() ? Digest::FromSha256(blob_hasher_.Finish()) : result.diff_id;
  result.descriptor.size = blob_size_;
  return result;
}

}  // namespace stevedore::oci
