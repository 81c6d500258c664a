#include "worker/drivers/tar_layer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/spool.h"
#include "base/status.h"
#include "oci/layer/archive_decompress.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_contents.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::worker {
namespace {

using oci::LayerEntry;

// A compressed tar may not fill the disk of a worker that others build on too.
constexpr uint64_t kMaxUnpackedBytes = uint64_t{64} << 30;

class ReaderSource final : public base::ByteSource {
 public:
  ReaderSource(const base::RandomReader* reader, uint64_t size, std::stop_token stop)
      : reader_(reader), size_(size), stop_(std::move(stop)) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("the build was cancelled");
    const size_t count = std::min<uint64_t>(size, size_ - position_);
    if (count == 0) return 0;
    RETURN_IF_ERROR(reader_->ReadAt(position_, buffer, count));
    position_ += count;
    return count;
  }

 private:
  const base::RandomReader* const reader_;
  const uint64_t size_;
  const std::stop_token stop_;
  uint64_t position_ = 0;
};

// Contents of a tar whose file it owns.
class OwnedTarContents final : public oci::LayerContents {
 public:
  explicit OwnedTarContents(std::unique_ptr<base::RandomReader> tar)
      : tar_(std::move(tar)), contents_(tar_.get()) {}
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override {
    return contents_.Open(entry);
  }

 private:
  const std::unique_ptr<base::RandomReader> tar_;
  const oci::TarContents contents_;
};

// Puts `entries` below `folder` ("srv/www"; not empty), which gets an entry of its own.
void MoveBelow(const std::string& folder, std::vector<LayerEntry>& entries) {
  for (LayerEntry& entry : entries) {
    entry.path = absl::StrCat(folder, "/", entry.path);
    if (entry.type == LayerEntry::Type::kHardLink) {
      entry.link_target = absl::StrCat(folder, "/", entry.link_target);
    }
  }
  LayerEntry root;
  root.path = folder;
  root.type = LayerEntry::Type::kDirectory;
  root.mode = 0755;
  entries.push_back(std::move(root));
}

}  // namespace

std::unique_ptr<base::ByteSource> StreamOf(const base::RandomReader* reader, uint64_t size,
                                           std::stop_token stop) {
  return std::make_unique<ReaderSource>(reader, size, std::move(stop));
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenVerbatimTar(const base::RandomReader* file,
                                                                  uint64_t size,
                                                                  std::stop_token stop) {
  const auto open = [&] {
    return oci::OpenDecompressed(StreamOf(file, size, stop),
                                 {.max_output_bytes = kMaxUnpackedBytes});
  };
  ASSIGN_OR_RETURN(const oci::Decompressed first, open());
  oci::TarReader reader(first.source.get());
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
  }
  ASSIGN_OR_RETURN(oci::Decompressed second, open());
  return std::move(second.source);
}

absl::StatusOr<TarLayer> ReadTarLayer(std::unique_ptr<base::RandomReader> file, uint64_t size,
                                      absl::string_view to, const std::string& spool_directory,
                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(
      const oci::OpenedArchive opened,
      oci::OpenArchive(StreamOf(file.get(), size, stop), {.max_output_bytes = kMaxUnpackedBytes}));
  TarLayer layer;
  if (!opened.compressed) {
    ASSIGN_OR_RETURN(layer.entries, oci::ReadTarEntries(*opened.source));
  } else {
    ASSIGN_OR_RETURN(std::unique_ptr<base::FileReader> unpacked,
                     base::SpoolToFile(*opened.source, spool_directory));
    ASSIGN_OR_RETURN(const uint64_t unpacked_size, unpacked->Size());
    ASSIGN_OR_RETURN(layer.entries,
                     oci::ReadTarEntries(*StreamOf(unpacked.get(), unpacked_size, stop)));
    file = std::move(unpacked);
  }
  layer.contents = std::make_unique<OwnedTarContents>(std::move(file));
  for (const LayerEntry& entry : layer.entries) layer.content_bytes += entry.size;
  std::vector<absl::string_view> parts = absl::StrSplit(to, '/', absl::SkipEmpty());
  parts.erase(std::remove(parts.begin(), parts.end(), "."), parts.end());
  if (!parts.empty()) MoveBelow(absl::StrJoin(parts, "/"), layer.entries);
  return layer;
}

}  // namespace stevedore::worker
