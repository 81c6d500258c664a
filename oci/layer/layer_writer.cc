#include "oci/layer/layer_writer.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/layer/chunk_pipeline.h"
#include "oci/layer/layer_plan.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {
namespace {

// The bytes of a stream as chunks.
class StreamChunks final : public ChunkSource {
 public:
  explicit StreamChunks(base::ByteSource* stream) : stream_(stream) {}

  std::optional<uint64_t> size() const override { return std::nullopt; }

  absl::StatusOr<size_t> Fill(uint64_t /*offset*/, char* buffer, size_t size) override {
    size_t filled = 0;
    while (filled < size) {
      ASSIGN_OR_RETURN(const size_t count, stream_->Read(buffer + filled, size - filled));
      if (count == 0) break;
      filled += count;
    }
    return filled;
  }

 private:
  base::ByteSource* const stream_;
};

absl::Status CheckOptions(const LayerWriterOptions& options) {
  if (options.source_date_epoch < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("source date epoch ", options.source_date_epoch, " is before 1970"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LayerResult> WriteLayer(std::vector<LayerEntry> entries,
                                       const LayerContents& contents, base::ByteSink* blob,
                                       LayerWriterOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(LayerPlan plan,
                   LayerPlan::Create(std::move(entries), &contents,
                                     TarHeaderOptions{.mtime = options.source_date_epoch}));
  return ChunkPipeline(&plan, blob, std::move(options)).Run();
}

absl::StatusOr<LayerResult> WriteTarLayer(base::ByteSource& tar, base::ByteSink* blob,
                                          LayerWriterOptions options) {
  StreamChunks chunks(&tar);
  return ChunkPipeline(&chunks, blob, std::move(options)).Run();
}

}  // namespace stevedore::oci
