#include "oci/layer/tar_contents.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

// A part of a tar.
class PartReader final : public base::RandomReader {
 public:
  PartReader(const base::RandomReader* tar, uint64_t start, uint64_t size)
      : tar_(tar), start_(start), size_(size) {}

  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset > size_ || size > size_ - offset) {
      return absl::OutOfRangeError(absl::StrCat("reading ", size, " bytes at ", offset,
                                                " of an entry of ", size_, " bytes"));
    }
    return tar_->ReadAt(start_ + offset, buffer, size);
  }

 private:
  const base::RandomReader* const tar_;
  const uint64_t start_;
  const uint64_t size_;
};

}  // namespace

absl::StatusOr<std::vector<LayerEntry>> ReadTarEntries(base::ByteSource& source,
                                                       TarReaderLimits limits) {
  TarReader reader(&source, limits);
  std::vector<LayerEntry> entries;
  absl::flat_hash_map<std::string, size_t> by_path;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<TarEntry> next, reader.Next());
    if (!next.has_value()) return entries;
    LayerEntry& entry = next->entry;
    const auto inserted = by_path.emplace(entry.path, entries.size());
    if (inserted.second) {
      entries.push_back(std::move(entry));
    } else {
      entries[inserted.first->second] = std::move(entry);
    }
  }
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> TarContents::Open(
    const LayerEntry& entry) const {
  return std::make_unique<PartReader>(tar_, entry.content_id, entry.size);
}

}  // namespace stevedore::oci
