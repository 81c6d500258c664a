#include "worker/drivers/native_content.h"

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace stevedore::worker::native {
namespace {

absl::Status CheckRange(uint64_t offset, size_t size, uint64_t limit) {
  if (offset <= limit && size <= limit - offset) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("reading ", size, " bytes at ", offset, " of a content of ", limit, " bytes"));
}

class TextReader final : public base::RandomReader {
 public:
  explicit TextReader(const std::string* text) : text_(text) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (absl::Status status = CheckRange(offset, size, text_->size()); !status.ok()) return status;
    std::memcpy(buffer, text_->data() + offset, size);
    return absl::OkStatus();
  }

 private:
  const std::string* const text_;
};

class PartReader final : public base::RandomReader {
 public:
  PartReader(const base::RandomReader* file, uint64_t start, uint64_t size)
      : file_(file), start_(start), size_(size) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (absl::Status status = CheckRange(offset, size, size_); !status.ok()) return status;
    return file_->ReadAt(start_ + offset, buffer, size);
  }

 private:
  const base::RandomReader* const file_;
  const uint64_t start_;
  const uint64_t size_;
};

}  // namespace

std::string ContextContent::Identity(const oci::LayerEntry& entry) const {
  return absl::StrCat("sha256 ", tree_->entries()[entry.content_id].digest_bytes());
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> ContextContent::Open(
    const oci::LayerEntry& entry) const {
  return tree_->OpenContent(tree_->entries()[entry.content_id].content_id);
}

uint64_t TextContent::Add(std::string text) {
  texts_.push_back(std::move(text));
  return texts_.size() - 1;
}

std::string TextContent::Identity(const oci::LayerEntry& entry) const {
  return absl::StrCat("sha256 ", base::Sha256(texts_[entry.content_id]));
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> TextContent::Open(
    const oci::LayerEntry& entry) const {
  return std::make_unique<TextReader>(&texts_[entry.content_id]);
}

std::string FileContent::Identity(const oci::LayerEntry& entry) const {
  return absl::StrCat("part ", entry.content_id, " ", entry.size, " of ", identity_);
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> FileContent::Open(
    const oci::LayerEntry& entry) const {
  return std::make_unique<PartReader>(file_.get(), entry.content_id, entry.size);
}

uint64_t MixedContent::Add(std::shared_ptr<const ContentSource> source,
                           const oci::LayerEntry& entry) {
  oci::LayerEntry part;  // What the source needs, without the names.
  part.content_id = entry.content_id;
  part.size = entry.size;
  parts_.push_back({std::move(source), std::move(part)});
  return parts_.size() - 1;
}

std::string MixedContent::Identity(const oci::LayerEntry& entry) const {
  const Part& part = parts_[entry.content_id];
  return part.source->Identity(part.entry);
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> MixedContent::Open(
    const oci::LayerEntry& entry) const {
  const Part& part = parts_[entry.content_id];
  return part.source->Open(part.entry);
}

}  // namespace stevedore::worker::native
