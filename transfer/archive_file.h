// Tar archives as files by name, without unpacking them.

#ifndef STEVEDORE_TRANSFER_ARCHIVE_FILE_H_
#define STEVEDORE_TRANSFER_ARCHIVE_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"

namespace stevedore::transfer {

// One tar whose places of files are known. The archive is not trusted: what oci::TarReader refuses
// (names that leave the root, ...) makes opening fail. Memory: about 150 bytes for each entry, of
// which there may be 200,000. Immutable and thread-safe.
class ArchiveFile {
 public:
  // Where the content of one file is, in bytes from the start of the tar. A value.
  struct File {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  // Opens the tar at `path`, "-" for standard input. One that is compressed (gzip, zstd) or no
  // regular file is first copied, unpacked, to a file without a name in `scratch` (empty: the
  // system's folder). NOT_FOUND if there is none; INVALID_ARGUMENT, with the byte, if it is
  // damaged.
  static absl::StatusOr<std::unique_ptr<ArchiveFile>> Open(const std::string& path,
                                                           const std::string& scratch,
                                                           std::stop_token stop = {});
  // As Open, of what `stream` reads; `name` is for messages.
  static absl::StatusOr<std::unique_ptr<ArchiveFile>> FromStream(
      std::unique_ptr<base::ByteSource> stream, const std::string& name, const std::string& scratch,
      std::stop_token stop = {});
  // The uncompressed tar of `size` bytes that `tar` holds.
  static absl::StatusOr<std::unique_ptr<ArchiveFile>> FromReader(
      std::shared_ptr<const base::RandomReader> tar, uint64_t size, std::string name,
      std::stop_token stop = {});

  // The plain file at `path` ("blobs/sha256/2cf2…"), nullopt if there is none.
  std::optional<File> Find(absl::string_view path) const;
  // As Find, but follows symbolic and hard links inside the archive, up to 8 of them.
  std::optional<File> FindThroughLinks(absl::string_view path) const;

  // A stream of the content. Keeps what it reads from alive.
  std::unique_ptr<base::ByteSource> OpenFile(const File& file) const;
  // A small file. NOT_FOUND if there is none at `path`, RESOURCE_EXHAUSTED above `limit_bytes`.
  absl::StatusOr<std::string> Read(absl::string_view path, uint64_t limit_bytes) const;

  // For messages.
  const std::string& name() const { return name_; }

 private:
  struct Entry {
    bool is_file = false;
    File file;
    std::string target;  // Of a link: the path that it leads to.
  };

  ArchiveFile(std::shared_ptr<const base::RandomReader> tar, std::string name)
      : tar_(std::move(tar)), name_(std::move(name)) {}
  absl::Status Scan(uint64_t size, const std::stop_token& stop);

  // Shared with the streams that read from it.
  const std::shared_ptr<const base::RandomReader> tar_;
  const std::string name_;
  absl::flat_hash_map<std::string, Entry> entries_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_ARCHIVE_FILE_H_
