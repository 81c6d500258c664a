#include "oci/layer/layer_plan.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

bool EntryLess(const LayerEntry& a, const LayerEntry& b) { return LayerPathLess(a.path, b.path); }

// Entries are sorted, so what is below an entry follows it at once.
absl::Status CheckOrder(const std::vector<LayerEntry>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const LayerEntry& entry = entries[i];
    RETURN_IF_ERROR(CheckSafePath(entry.path), "layer entry");
    if (entry.size != 0 && entry.type != LayerEntry::Type::kFile) {
      return absl::InvalidArgumentError(absl::StrCat("layer entry ", base::Quoted(entry.path),
                                                     " is no file but has ", entry.size, " bytes"));
    }
    if (i == 0) continue;
    const LayerEntry& before = entries[i - 1];
    if (before.path == entry.path) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer entry ", base::Quoted(entry.path), " is there twice"));
    }
    if (before.type != LayerEntry::Type::kDirectory && entry.path.size() > before.path.size() &&
        entry.path[before.path.size()] == '/' && absl::StartsWith(entry.path, before.path)) {
      return absl::InvalidArgumentError(absl::StrCat("layer entry ", base::Quoted(entry.path),
                                                     " is below ", base::Quoted(before.path),
                                                     ", which is not a directory"));
    }
  }
  return absl::OkStatus();
}

// Makes the first entry of every group of hard links the one with the content: whoever unpacks
// needs it before the others.
class HardLinkOrder {
 public:
  explicit HardLinkOrder(std::vector<LayerEntry>* entries) : entries_(*entries) {}

  absl::Status Apply() {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].type != LayerEntry::Type::kHardLink) continue;
      RETURN_IF_ERROR(CheckSafePath(entries_[i].link_target), "hard link ",
                      base::Quoted(entries_[i].path), " to a");
      links_.push_back(i);
    }
    if (links_.empty()) return absl::OkStatus();
    by_path_.reserve(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) by_path_.emplace(entries_[i].path, i);
    // Links are visited in order, so the first of a group is met first, and later links see the
    // move.
    for (const size_t link : links_) RETURN_IF_ERROR(Resolve(link));
    return absl::OkStatus();
  }

 private:
  absl::Status Resolve(size_t link) {
    // Follow links to links; a circle never ends in anything.
    size_t target = link;
    for (size_t steps = 0; entries_[target].type == LayerEntry::Type::kHardLink; ++steps) {
      const auto found = by_path_.find(entries_[target].link_target);
      if (found == by_path_.end()) return absl::OkStatus();  // A file of a lower layer.
      if (found->second == link || steps > links_.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("hard link ", base::Quoted(entries_[link].path), " leads back to itself"));
      }
      target = found->second;
    }
    LayerEntry& to = entries_[target];
    LayerEntry& from = entries_[link];
    if (to.type == LayerEntry::Type::kDirectory) {
      return absl::InvalidArgumentError(absl::StrCat("hard link ", base::Quoted(from.path), " to ",
                                                     base::Quoted(to.path),
                                                     ", which is a directory"));
    }
    if (target < link) {
      from.link_target = to.path;
      return absl::OkStatus();
    }
    std::string from_path = from.path;
    std::string to_path = to.path;
    std::swap(from, to);
    from.path = std::move(from_path);
    to.path = std::move(to_path);
    to.link_target = from.path;
    return absl::OkStatus();
  }

  std::vector<LayerEntry>& entries_;
  std::vector<size_t> links_;
  // Views of paths; entries that swap content keep theirs, but a short string's bytes live in the
  // entry: hence copies.
  absl::flat_hash_map<std::string, size_t> by_path_;
};

}  // namespace

absl::StatusOr<LayerPlan> LayerPlan::Create(std::vector<LayerEntry> entries,
                                            const LayerContents* contents,
                                            TarHeaderOptions options) {
  if (!std::is_sorted(entries.begin(), entries.end(), EntryLess)) {
    std::sort(entries.begin(), entries.end(), EntryLess);
  }
  RETURN_IF_ERROR(CheckOrder(entries));
  RETURN_IF_ERROR(HardLinkOrder(&entries).Apply());
  LayerPlan plan(std::move(entries), contents, options);
  plan.starts_.reserve(plan.entries_.size() + 1);
  uint64_t position = 0;
  for (const LayerEntry& entry : plan.entries_) {
    plan.starts_.push_back(position);
    ASSIGN_OR_RETURN(const uint64_t header, TarHeaderSize(entry, options));
    // Far beyond any disk, and no sum of two such overflows.
    if (entry.size > uint64_t{1} << 60 || position > uint64_t{1} << 61) {
      return absl::InvalidArgumentError(absl::StrCat("layer entry ", base::Quoted(entry.path),
                                                     " of ", entry.size,
                                                     " bytes makes the layer too large"));
    }
    position += header + TarPadded(entry.size);
  }
  plan.starts_.push_back(position);
  return plan;
}

absl::StatusOr<size_t> LayerPlan::Fill(uint64_t offset, char* buffer, size_t size) {
  const uint64_t end = std::min(offset + size, *this->size());
  // The entry that `offset` lies in; one past the last one if that is the end of the archive.
  size_t index = std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin() - 1;
  std::string scratch;
  uint64_t position = offset;
  for (; position < end && index < entries_.size(); ++index) {
    const uint64_t to = std::min(end, starts_[index + 1]);
    RETURN_IF_ERROR(FillEntry(index, position, to, buffer + (position - offset), scratch));
    position = to;
  }
  if (position < end) std::memset(buffer + (position - offset), 0, end - position);
  return end - offset;
}

absl::Status LayerPlan::FillEntry(size_t index, uint64_t from, uint64_t to, char* out,
                                  std::string& scratch) const {
  const LayerEntry& entry = entries_[index];
  const uint64_t content_start = starts_[index + 1] - TarPadded(entry.size);
  if (from < content_start) {
    scratch.clear();
    RETURN_IF_ERROR(AppendTarHeader(entry, options_, &scratch));
    const uint64_t count = std::min(to, content_start) - from;
    std::memcpy(out, scratch.data() + (from - starts_[index]), count);
    out += count;
    from += count;
  }
  const uint64_t content_end = content_start + entry.size;
  // Empty files are opened too, if their header is made here: that shows whether they are still
  // empty.
  const bool is_file = entry.type == LayerEntry::Type::kFile;
  if (is_file && (from < content_end || entry.size == 0)) {
    const uint64_t count = std::min(to, content_end) - std::min(from, content_end);
    RETURN_IF_ERROR(ReadContent(entry, from - content_start, out, count));
    out += count;
    from += count;
  }
  if (from < to) std::memset(out, 0, to - from);
  return absl::OkStatus();
}

absl::Status LayerPlan::ReadContent(const LayerEntry& entry, uint64_t offset, char* out,
                                    size_t size) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader, contents_->Open(entry),
                   "layer entry ", base::Quoted(entry.path));
  if (size == 0) return absl::OkStatus();
  const absl::Status status = reader->ReadAt(offset, out, size);
  if (status.code() == absl::StatusCode::kOutOfRange) {
    return absl::AbortedError(
        absl::StrCat("layer entry ", base::Quoted(entry.path), ": content became shorter than its ",
                     entry.size, " bytes while the layer was written: ", status.message()));
  }
  return base::Annotate(status, absl::StrCat("layer entry ", base::Quoted(entry.path)));
}

}  // namespace stevedore::oci
