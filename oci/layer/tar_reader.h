// Tars from strangers, read as a stream.

#ifndef STEVEDORE_OCI_LAYER_TAR_READER_H_
#define STEVEDORE_OCI_LAYER_TAR_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::oci {

// What a tar may ask of its reader. Messages name the limit by its field.
struct TarReaderLimits {
  // Entries of one archive.
  uint64_t max_entries = 5'000'000;
  // Bytes of a path or link target: Linux's PATH_MAX.
  uint64_t max_path_bytes = 4096;
  // Bytes of all pax records and long names before one entry: extended attributes are at most 64
  // KiB each on Linux.
  uint64_t max_header_bytes = 1 << 20;
  // Bytes of one file.
  uint64_t max_file_bytes = uint64_t{1} << 43;
  // True: symbolic links that climb out of the root are reported with TarEntry::climbs instead of
  // refused. For readers that leave them out, or that only ever resolve links inside a root.
  bool allow_climbing_symlinks = false;
  // True: "/etc/hosts" is "etc/hosts", as a path and as the target of a hard link, instead of being
  // refused. Layers are relative to the root of an image, and some writers say so in each name.
  bool strip_leading_slashes = false;
};

// One entry as read.
struct TarEntry {
  // The path is normalised ("./a//b/" is "a/b"). `entry.content_id` is `content_offset`.
  LayerEntry entry;
  // Seconds since 1970.
  int64_t mtime = 0;
  // A symbolic link that CheckSafeSymlink refuses; see TarReaderLimits.
  bool climbs = false;
  // Where the entry's ustar header and content start, in bytes from the start of the archive.
  uint64_t header_offset = 0;
  uint64_t content_offset = 0;
};

// Reads ustar, old, GNU (long names and links, base-256 numbers) and pax archives, entry by entry,
// and refuses what could do harm when unpacked: absolute paths, "..", symbolic links that climb out
// of the root, entries below a symbolic link of the same archive, hard links to outside, links and
// directories with content, sparse files. Entries for the root directory itself ("./") are left
// out. Every error is INVALID_ARGUMENT (RESOURCE_EXHAUSTED for a limit), says at which byte of the
// archive, and is final. Memory: names of symbolic links, one header. Not thread-safe.
class TarReader {
 public:
  // Reads `source`, which must outlive it.
  explicit TarReader(base::ByteSource* source, TarReaderLimits limits = {})
      : source_(source), limits_(limits) {}

  // The next entry; nullopt after the last one. What was not read of the previous content is
  // skipped. Everything after the end marker is read and ignored, so that digests over `source` are
  // of all of it.
  absl::StatusOr<std::optional<TarEntry>> Next();

  // Content of the entry that Next returned: as base::ByteSource::Read. INVALID_ARGUMENT if the
  // archive ends before.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);

  // Content() reads as Read does, as a source that is valid until the next call of Next.
  base::ByteSource& Content() { return content_; }

 private:
  // What extended headers say about the next entry.
  struct Extended {
    std::map<std::string, std::string, std::less<>> records;
    uint64_t bytes = 0;
  };
  // Passes Read on.
  class ContentSource final : public base::ByteSource {
   public:
    explicit ContentSource(TarReader* reader) : reader_(reader) {}
    absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
      return reader_->Read(buffer, size);
    }

   private:
    TarReader* const reader_;
  };

  absl::Status Error(absl::string_view what) const;
  absl::Status LimitError(absl::string_view field, uint64_t limit) const;
  absl::StatusOr<size_t> ReadFully(char* buffer, size_t size);
  absl::Status SkipContent();
  absl::Status DrainAfterEnd();
  absl::StatusOr<std::string> ReadHeaderContent(uint64_t size, Extended& extended);
  absl::Status ReadExtended(char type, uint64_t size, Extended& extended);
  absl::Status ParsePax(absl::string_view text,
                        std::map<std::string, std::string, std::less<>>& out);
  absl::StatusOr<std::optional<TarEntry>> Finish(const char* block, const Extended& extended);
  absl::Status ApplyNumbers(const char* block, const Extended& extended, TarEntry& out);
  absl::Status ApplyType(char type, bool slash, TarEntry& out);
  absl::Status ApplyXattrs(const Extended& extended, TarEntry& out);
  std::string NormalizePath(absl::string_view path) const;
  absl::Status CheckPaths(TarEntry& out);
  absl::Status CheckNotBelowSymlink(absl::string_view path) const;

  base::ByteSource* const source_;
  const TarReaderLimits limits_;
  ContentSource content_{this};
  uint64_t position_ = 0;       // Bytes read from `source_`.
  uint64_t header_offset_ = 0;  // For messages.
  uint64_t content_left_ = 0;   // Of the current entry.
  uint64_t padding_left_ = 0;
  uint64_t entries_ = 0;
  bool ended_ = false;
  std::map<std::string, std::string, std::less<>> global_;  // pax `g` records.
  absl::flat_hash_set<std::string> symlinks_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_TAR_READER_H_
