#include "context/pack_tree.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "context/tree_digest.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::context {
namespace {

constexpr size_t kReadBytes = 256 << 10;

// A stretch of a segment, with a descriptor of its own.
class PlaceReader final : public base::RandomReader {
 public:
  PlaceReader(std::unique_ptr<base::FileReader> file, uint64_t offset, uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset > size_ || size > size_ - offset) {
      return absl::OutOfRangeError("read past the end of a file in a pack");
    }
    return file_->ReadAt(offset_ + offset, buffer, size);
  }

 private:
  const std::unique_ptr<base::FileReader> file_;
  const uint64_t offset_;
  const uint64_t size_;
};

// What one segment holds.
struct SegmentContent {
  std::vector<TreeEntry> entries;  // content_id: offset in the segment.
};

absl::StatusOr<TreeEntry::Sha256> DigestContent(oci::TarReader& tar) {
  base::Hasher hasher;
  std::string buffer(kReadBytes, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t n, tar.Read(buffer.data(), buffer.size()));
    if (n == 0) return ToSha256(hasher.Finish());
    hasher.Update(absl::string_view(buffer.data(), n));
  }
}

absl::StatusOr<TreeEntry> ToTreeEntry(const oci::TarEntry& read, oci::TarReader& tar) {
  TreeEntry entry;
  entry.path = read.entry.path;
  switch (read.entry.type) {
    case oci::LayerEntry::Type::kFile: {
      entry.type = TreeEntry::Type::kFile;
      entry.size = read.entry.size;
      entry.content_id = read.content_offset;
      ASSIGN_OR_RETURN(entry.digest, DigestContent(tar));
      break;
    }
    case oci::LayerEntry::Type::kDirectory:
      entry.type = TreeEntry::Type::kDirectory;
      break;
    case oci::LayerEntry::Type::kSymlink:
      entry.type = TreeEntry::Type::kSymlink;
      entry.link_target = read.entry.link_target;
      entry.digest = ToSha256(base::Sha256(entry.link_target));
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(entry.path), " is of a type that contexts do not have"));
  }
  entry.mode = NormalizedMode(entry.type, read.entry.mode);
  return entry;
}

// Reads entries and digests of one segment.
absl::StatusOr<SegmentContent> ReadSegment(const PackSegment& segment) {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::FileSource> source,
                   base::FileSource::Open(segment.path()));
  oci::TarReader tar(source.get());
  SegmentContent content;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<oci::TarEntry> read, tar.Next());
    if (!read.has_value()) return content;
    ASSIGN_OR_RETURN(TreeEntry entry, ToTreeEntry(*read, tar));
    content.entries.push_back(std::move(entry));
  }
}

// Gets segments and reads them on several threads.
class Fetcher {
 public:
  Fetcher(absl::Span<const oci::Descriptor> packs, PackCache& cache, const PackCache::Fetch& fetch,
          const PackTreeOptions& options)
      : packs_(packs),
        cache_(cache),
        fetch_(fetch),
        options_(options),
        segments_(packs.size()),
        contents_(packs.size()) {}

  absl::Status Run() ABSL_LOCKS_EXCLUDED(mu_) {
    {
      const size_t threads = std::min<size_t>(std::max(1, options_.threads), packs_.size() + 1);
      base::ThreadPool pool("fetch", static_cast<int>(threads));
      for (size_t i = 0; i < packs_.size(); ++i) {
        pool.Schedule([this, i] { Get(i); });
      }
    }
    base::MutexLock lock(&mu_);
    return status_;
  }

  // After Run.
  std::vector<std::shared_ptr<const PackSegment>>& segments() { return segments_; }
  std::vector<SegmentContent>& contents() { return contents_; }

 private:
  void Get(size_t i) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      base::MutexLock lock(&mu_);
      if (!status_.ok()) return;
    }
    const absl::Status status = options_.stop.stop_requested()
                                    ? absl::CancelledError("fetching a context was cancelled")
                                    : GetOne(i);
    base::MutexLock lock(&mu_);
    if (!status.ok() && status_.ok()) status_ = status;
    if (status.ok() && options_.progress) options_.progress(packs_[i].size);
  }

  absl::Status GetOne(size_t i) {
    ASSIGN_OR_RETURN(segments_[i], cache_.Get(packs_[i], fetch_));
    ASSIGN_OR_RETURN(contents_[i], ReadSegment(*segments_[i]), "pack ", packs_[i].digest.Short());
    return absl::OkStatus();
  }

  const absl::Span<const oci::Descriptor> packs_;
  PackCache& cache_;
  const PackCache::Fetch& fetch_;
  const PackTreeOptions& options_;
  // Each element is written by one thread.
  std::vector<std::shared_ptr<const PackSegment>> segments_;
  std::vector<SegmentContent> contents_;
  base::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<PackTree>> PackTree::Fetch(const oci::Digest& tree_digest,
                                                          absl::Span<const oci::Descriptor> packs,
                                                          PackCache& cache,
                                                          const PackCache::Fetch& fetch,
                                                          const PackTreeOptions& options) {
  Fetcher fetcher(packs, cache, fetch, options);
  RETURN_IF_ERROR(fetcher.Run(), "context ", tree_digest.Short());
  std::vector<TreeEntry> entries;
  std::vector<Place> places;
  for (size_t s = 0; s < fetcher.contents().size(); ++s) {
    for (TreeEntry& entry : fetcher.contents()[s].entries) {
      if (entry.type == TreeEntry::Type::kFile) {
        places.push_back({s, entry.content_id, entry.size});
        entry.content_id = places.size() - 1;
      }
      entries.push_back(std::move(entry));
    }
  }
  const absl::Status sorted = CheckEntries(entries);
  const oci::Digest found = sorted.ok() ? TreeDigest(entries) : oci::Digest();
  if (found != tree_digest) {
    return absl::DataLossError(
        absl::StrCat("context ", tree_digest.ToString(), ": what was unpacked is ",
                     sorted.ok() ? found.ToString() : std::string(sorted.message()),
                     "; its packs were damaged or overwritten: submit the build again"));
  }
  return std::unique_ptr<PackTree>(
      new PackTree(std::move(entries), std::move(places), std::move(fetcher.segments())));
}

absl::StatusOr<std::unique_ptr<base::RandomReader>> PackTree::OpenContent(
    uint64_t content_id) const {
  if (content_id >= places_.size()) {
    return absl::InternalError(absl::StrCat("no content ", content_id, " in this tree"));
  }
  const Place& place = places_[content_id];
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileReader> file, segments_[place.segment]->Open());
  return std::make_unique<PlaceReader>(std::move(file), place.offset, place.size);
}

}  // namespace stevedore::context
