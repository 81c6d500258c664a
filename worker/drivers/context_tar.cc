#include "worker/drivers/context_tar.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::worker {
namespace {

oci::LayerEntry EntryOf(const context::TreeEntry& entry) {
  oci::LayerEntry result;
  result.path = entry.path;
  result.mode = entry.mode;
  result.size = entry.size;
  result.link_target = entry.link_target;
  result.content_id = entry.content_id;
  switch (entry.type) {
    case context::TreeEntry::Type::kFile:
      result.type = oci::LayerEntry::Type::kFile;
      break;
    case context::TreeEntry::Type::kDirectory:
      result.type = oci::LayerEntry::Type::kDirectory;
      break;
    case context::TreeEntry::Type::kSymlink:
      result.type = oci::LayerEntry::Type::kSymlink;
      break;
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ContextTar>> ContextTar::Create(
    std::shared_ptr<const context::Tree> tree, int64_t mtime) {
  std::vector<oci::LayerEntry> entries;
  entries.reserve(tree->entries().size());
  for (const context::TreeEntry& entry : tree->entries()) entries.push_back(EntryOf(entry));
  ASSIGN_OR_RETURN(oci::LayerPlan plan,
                   oci::LayerPlan::Create(std::move(entries), tree.get(), {.mtime = mtime}),
                   "context");
  return std::unique_ptr<ContextTar>(new ContextTar(std::move(tree), std::move(plan)));
}

absl::StatusOr<size_t> ContextTar::Read(char* buffer, size_t size) {
  const uint64_t left = this->size() - position_;
  if (left == 0) return 0;
  ASSIGN_OR_RETURN(const size_t count,
                   plan_.Fill(position_, buffer, std::min<uint64_t>(size, left)), "context");
  position_ += count;
  if (progress_) progress_(position_);
  return count;
}

}  // namespace stevedore::worker
