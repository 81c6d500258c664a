#include "oci/layer/merged_filesystem.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "oci/layer/layer_merge.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {
namespace {

using Type = LayerEntry::Type;

constexpr size_t kCopyBytes = 1 << 16;
constexpr uint32_t kNone = MergeRecord::kNone;

// Counts and, if asked to, digests what passes by; ends when it is told to stop.
class WatchedSource final : public base::ByteSource {
 public:
  // `digest` says with which algorithm; may be null.
  WatchedSource(base::ByteSource* source, const Digest* digest, std::stop_token stop)
      : source_(source), stop_(std::move(stop)) {
    if (digest != nullptr) hasher_.emplace(digest->hash_algorithm());
  }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("stopped");
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer, size));
    if (hasher_.has_value()) hasher_->Update(absl::string_view(buffer, count));
    bytes_ += count;
    return count;
  }
  uint64_t bytes() const { return bytes_; }
  std::string FinishDigest() { return hasher_->Finish(); }

 private:
  base::ByteSource* const source_;
  const std::stop_token stop_;
  std::optional<base::Hasher> hasher_;
  uint64_t bytes_ = 0;
};

}  // namespace

struct MergedFilesystem::State {
  State(std::vector<LayerStream> layers_in, MergeOptions options_in)
      : layers(std::move(layers_in)), options(std::move(options_in)), merge(options.max_paths) {}

  const std::vector<LayerStream> layers;
  MergeOptions options;
  LayerMerge merge;
  std::vector<uint32_t> order;  // Records, in the order of entries.
  // By record: the record under whose path its content comes out. kNone if under none.
  std::vector<uint32_t> primary;
  // Files with content that come out, by layer, in the order of the tar: indexes into `order`.
  std::vector<std::vector<uint32_t>> contents;
  std::vector<std::string> dropped;
  uint64_t content_bytes = 0;
  uint64_t layer_bytes = 0;

  absl::Status ReadHeaders(uint32_t layer, uint64_t* entries_left);
  void Arrange();
  absl::Status ReadLayer(uint32_t layer,
                         absl::FunctionRef<absl::Status(size_t, base::ByteSource&)> take) const;
  // The record whose attributes and content `record` has.
  uint32_t Inode(uint32_t record) const {
    const uint32_t inode = merge.records()[record].inode;
    return inode == kNone ? record : inode;
  }
  TarReaderLimits Limits() const {
    TarReaderLimits limits = options.tar;
    limits.allow_climbing_symlinks = true;
    limits.strip_leading_slashes = true;
    return limits;
  }
};

absl::Status MergedFilesystem::State::ReadHeaders(uint32_t layer, uint64_t* entries_left) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, layers[layer].open());
  DecompressOptions decompress = options.decompress;
  decompress.max_output_bytes -= std::min(decompress.max_output_bytes, layer_bytes);
  ASSIGN_OR_RETURN(const Decompressed tar, OpenDecompressed(std::move(blob), decompress));
  const std::optional<Digest>& diff_id = layers[layer].diff_id;
  WatchedSource watched(tar.source.get(), diff_id.has_value() ? &*diff_id : nullptr, options.stop);
  TarReaderLimits limits = Limits();
  limits.max_entries = *entries_left;
  TarReader reader(&watched, limits);
  merge.StartLayer(layer);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    --*entries_left;
    RETURN_IF_ERROR(merge.Add(*entry));
  }
  layer_bytes += watched.bytes();
  if (diff_id.has_value()) {
    const Digest found = Digest::FromRaw(diff_id->hash_algorithm(), watched.FinishDigest());
    if (found != *diff_id) {
      return absl::DataLossError(absl::StrCat("its tar has the digest ", found.ToString(),
                                              ", but the config says ", diff_id->ToString()));
    }
  }
  return merge.FinishLayer();
}

// Puts what is visible in order, and gives each content to the first of its names.
void MergedFilesystem::State::Arrange() {
  const std::vector<MergeRecord>& records = merge.records();
  std::vector<uint32_t> visible(merge.tree().size(), kNone);
  for (uint32_t i = 0; i < records.size(); ++i) {
    if (records[i].visible) visible[records[i].node] = i;
  }
  primary.assign(records.size(), kNone);
  contents.resize(layers.size());
  for (const PathTree::Node node : merge.tree().InOrder()) {
    const uint32_t record = visible[node];
    if (record == kNone) continue;
    const uint32_t inode = Inode(record);
    if (options.drop_climbing_symlinks && records[inode].climbs) {
      dropped.push_back(merge.tree().Path(node));
      continue;
    }
    if (records[inode].type != Type::kFile || primary[inode] == kNone) {
      // Of anything but a file each name is a thing of its own: links to links and devices are
      // asking for trouble.
      primary[inode] = record;
      if (records[inode].type == Type::kFile && records[inode].size > 0) {
        contents[records[inode].layer].push_back(static_cast<uint32_t>(order.size()));
        content_bytes += records[inode].size;
      }
    }
    order.push_back(record);
  }
  for (std::vector<uint32_t>& layer : contents) {
    std::sort(layer.begin(), layer.end(), [&](uint32_t a, uint32_t b) {
      return records[Inode(order[a])].content_offset < records[Inode(order[b])].content_offset;
    });
  }
}

absl::StatusOr<MergedFilesystem> MergedFilesystem::Plan(std::vector<LayerStream> layers,
                                                        MergeOptions options) {
  auto state = std::make_unique<State>(std::move(layers), std::move(options));
  uint64_t entries_left = state->options.tar.max_entries;
  for (size_t layer = state->layers.size(); layer-- > 0;) {
    RETURN_IF_ERROR(state->ReadHeaders(static_cast<uint32_t>(layer), &entries_left),
                    state->layers[layer].name);
  }
  RETURN_IF_ERROR(state->merge.Finish());
  state->Arrange();
  return MergedFilesystem(std::move(state));
}

MergedFilesystem::MergedFilesystem(std::unique_ptr<const State> state) : state_(std::move(state)) {}
MergedFilesystem::MergedFilesystem(MergedFilesystem&&) noexcept = default;
MergedFilesystem& MergedFilesystem::operator=(MergedFilesystem&&) noexcept = default;
MergedFilesystem::~MergedFilesystem() = default;

size_t MergedFilesystem::size() const { return state_->order.size(); }
const std::vector<std::string>& MergedFilesystem::dropped() const { return state_->dropped; }
uint64_t MergedFilesystem::content_bytes() const { return state_->content_bytes; }
uint64_t MergedFilesystem::layer_bytes() const { return state_->layer_bytes; }

MergedEntry MergedFilesystem::Entry(size_t index) const {
  const LayerMerge& merge = state_->merge;
  const uint32_t record = state_->order[index];
  const uint32_t inode = state_->Inode(record);
  const MergeRecord& from = merge.records()[inode];
  MergedEntry merged;
  merged.layer = from.layer;
  LayerEntry& entry = merged.entry;
  entry.mtime = from.mtime;
  entry.path = merge.tree().Path(merge.records()[record].node);
  entry.type = from.type;
  entry.mode = from.mode;
  entry.uid = from.uid;
  entry.gid = from.gid;
  if (from.type == Type::kFile && state_->primary[inode] != record) {
    entry.type = Type::kHardLink;
    entry.link_target = merge.tree().Path(merge.records()[state_->primary[inode]].node);
    return merged;
  }
  entry.size = from.size;
  entry.content_id = from.content_offset;
  if (from.rare != kNone) {
    const LayerMerge::Rare& rare = merge.rare(from.rare);
    entry.link_target = rare.link_target;
    entry.device_major = rare.device_major;
    entry.device_minor = rare.device_minor;
    entry.xattrs = rare.xattrs;
  }
  return merged;
}

absl::Status MergedFilesystem::State::ReadLayer(
    uint32_t layer, absl::FunctionRef<absl::Status(size_t, base::ByteSource&)> take) const {
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> blob, layers[layer].open());
  ASSIGN_OR_RETURN(const Decompressed tar, OpenDecompressed(std::move(blob), options.decompress));
  WatchedSource watched(tar.source.get(), /*digest=*/nullptr, options.stop);
  TarReader reader(&watched, Limits());
  for (const uint32_t index : contents[layer]) {
    const MergeRecord& wanted = merge.records()[Inode(order[index])];
    std::optional<TarEntry> entry;
    do {
      ASSIGN_OR_RETURN(entry, reader.Next());
    } while (entry.has_value() && entry->content_offset < wanted.content_offset);
    if (!entry.has_value() || entry->content_offset != wanted.content_offset ||
        entry->entry.size != wanted.size) {
      return absl::AbortedError("the layer is not what it was when its headers were read");
    }
    RETURN_IF_ERROR(take(index, reader.Content()));
  }
  return absl::OkStatus();
}

absl::Status MergedFilesystem::ReadContents(
    absl::FunctionRef<absl::Status(size_t index, base::ByteSource& content)> take) const {
  for (uint32_t layer = 0; layer < state_->layers.size(); ++layer) {
    if (state_->contents[layer].empty()) continue;
    RETURN_IF_ERROR(state_->ReadLayer(layer, take), state_->layers[layer].name);
  }
  return absl::OkStatus();
}

absl::Status MergedFilesystem::WriteTar(base::ByteSink* sink) const {
  std::string header;
  const auto put = [&](const MergedEntry& merged) {
    header.clear();
    RETURN_IF_ERROR(AppendTarHeader(merged.entry, TarHeaderOptions(), &header));
    return sink->Write(header);
  };
  const auto put_all = [&](auto&& wanted) -> absl::Status {
    for (size_t i = 0; i < size(); ++i) {
      if (state_->options.stop.stop_requested()) return absl::CancelledError("stopped");
      const MergedEntry merged = Entry(i);
      if (wanted(merged.entry)) RETURN_IF_ERROR(put(merged));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(put_all(
      [](const LayerEntry& entry) { return entry.type != Type::kHardLink && entry.size == 0; }));
  std::vector<char> buffer(kCopyBytes);
  RETURN_IF_ERROR(ReadContents([&](size_t index, base::ByteSource& content) -> absl::Status {
    const MergedEntry merged = Entry(index);
    RETURN_IF_ERROR(put(merged));
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, content.Read(buffer.data(), buffer.size()));
      if (count == 0) break;
      RETURN_IF_ERROR(sink->Write(absl::string_view(buffer.data(), count)));
    }
    const std::string padding(TarPadded(merged.entry.size) - merged.entry.size, '\0');
    return padding.empty() ? absl::OkStatus() : sink->Write(padding);
  }));
  RETURN_IF_ERROR(put_all([](const LayerEntry& entry) { return entry.type == Type::kHardLink; }));
  return sink->Write(std::string(kTarEndBytes, '\0'));
}

}  // namespace stevedore::oci
