#include "transfer/archive_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/spool.h"
#include "base/status.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::transfer {
namespace {

// A layer has up to three entries in old archives of Docker; nobody has so many layers.
constexpr uint64_t kMaxEntries = 200'000;
constexpr int kMaxLinks = 8;

// Reads a part of something with random access.
class PartSource final : public base::ByteSource {
 public:
  PartSource(std::shared_ptr<const base::RandomReader> reader, uint64_t offset, uint64_t size)
      : reader_(std::move(reader)), offset_(offset), left_(size) {}

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = std::min<uint64_t>(size, left_);
    if (count == 0) return 0;
    RETURN_IF_ERROR(reader_->ReadAt(offset_, buffer, count));
    offset_ += count;
    left_ -= count;
    return count;
  }

 private:
  const std::shared_ptr<const base::RandomReader> reader_;
  uint64_t offset_, left_;
};

// Ends with an error when somebody stops it.
class StoppableSource final : public base::ByteSource {
 public:
  StoppableSource(std::unique_ptr<base::ByteSource> source, std::stop_token stop)
      : source_(std::move(source)), stop_(std::move(stop)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (stop_.stop_requested()) return absl::CancelledError("reading an archive was cancelled");
    return source_->Read(buffer, size);
  }

 private:
  const std::unique_ptr<base::ByteSource> source_;
  const std::stop_token stop_;
};

// Where the symbolic link `path` leads; "" for out of the archive.
std::string Resolve(absl::string_view path, absl::string_view target) {
  std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  parts.pop_back();
  for (const absl::string_view part : absl::StrSplit(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return "";
    } else {
      parts.pop_back();
    }
  }
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<base::FileDescriptor> OpenInput(const std::string& path) {
  if (path != "-") return base::OpenFile(path, O_RDONLY);
  base::FileDescriptor input(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!input.valid()) return base::ErrnoStatus(errno, "standard input");
  return input;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ArchiveFile>> ArchiveFile::Open(const std::string& path,
                                                               const std::string& scratch,
                                                               std::stop_token stop) {
  const std::string name = path == "-" ? "standard input" : path;
  ASSIGN_OR_RETURN(base::FileDescriptor file, OpenInput(path));
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) return base::ErrnoStatus(errno, name);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is a folder, not an archive; folders are oci: or dir:"));
  }
  if (!S_ISREG(info.st_mode) || path == "-") {
    return FromStream(std::make_unique<base::FileSource>(std::move(file), name), name, scratch,
                      std::move(stop));
  }
  const uint64_t size = info.st_size;
  const std::shared_ptr<const base::RandomReader> reader =
      std::make_shared<base::FileReader>(std::move(file), name);
  ASSIGN_OR_RETURN(const oci::Decompressed start,
                   oci::OpenDecompressed(std::make_unique<PartSource>(reader, 0, size)), name);
  if (start.compression == oci::LayerCompression::kNone) {
    return FromReader(reader, size, name, std::move(stop));
  }
  return FromStream(std::make_unique<PartSource>(reader, 0, size), name, scratch, std::move(stop));
}

absl::StatusOr<std::unique_ptr<ArchiveFile>> ArchiveFile::FromStream(
    std::unique_ptr<base::ByteSource> stream, const std::string& name, const std::string& scratch,
    std::stop_token stop) {
  ASSIGN_OR_RETURN(
      const oci::Decompressed plain,
      oci::OpenDecompressed(std::make_unique<StoppableSource>(std::move(stream), stop)), name);
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileReader> file,
                   base::SpoolToFile(*plain.source, scratch), name);
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  return FromReader(std::move(file), size, name, std::move(stop));
}

absl::StatusOr<std::unique_ptr<ArchiveFile>> ArchiveFile::FromReader(
    std::shared_ptr<const base::RandomReader> tar, uint64_t size, std::string name,
    std::stop_token stop) {
  std::unique_ptr<ArchiveFile> archive(new ArchiveFile(std::move(tar), std::move(name)));
  RETURN_IF_ERROR(archive->Scan(size, stop), archive->name());
  return archive;
}

absl::Status ArchiveFile::Scan(uint64_t size, const std::stop_token& stop) {
  StoppableSource source(std::make_unique<PartSource>(tar_, 0, size), stop);
  oci::TarReader reader(&source, {.max_entries = kMaxEntries});
  while (true) {
    ASSIGN_OR_RETURN(std::optional<oci::TarEntry> read, reader.Next());
    if (!read.has_value()) return absl::OkStatus();
    oci::LayerEntry& entry = read->entry;
    // The last of several entries with one name counts, as for tar itself.
    if (entry.type == oci::LayerEntry::Type::kFile) {
      entries_[entry.path] = {.is_file = true,
                              .file = {.offset = read->content_offset, .size = entry.size}};
    } else if (entry.type == oci::LayerEntry::Type::kSymlink) {
      entries_[entry.path] = {.target = Resolve(entry.path, entry.link_target)};
    } else if (entry.type == oci::LayerEntry::Type::kHardLink) {
      entries_[entry.path] = {.target = std::move(entry.link_target)};
    }
  }
}

std::optional<ArchiveFile::File> ArchiveFile::Find(absl::string_view path) const {
  const auto found = entries_.find(path);
  if (found == entries_.end() || !found->second.is_file) return std::nullopt;
  return found->second.file;
}

std::optional<ArchiveFile::File> ArchiveFile::FindThroughLinks(absl::string_view path) const {
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = entries_.find(path);
    if (found == entries_.end()) return std::nullopt;
    if (found->second.is_file) return found->second.file;
    path = found->second.target;
  }
  return std::nullopt;
}

std::unique_ptr<base::ByteSource> ArchiveFile::OpenFile(const File& file) const {
  return std::make_unique<PartSource>(tar_, file.offset, file.size);
}

absl::StatusOr<std::string> ArchiveFile::Read(absl::string_view path, uint64_t limit_bytes) const {
  const std::optional<File> file = FindThroughLinks(path);
  if (!file.has_value()) {
    return absl::NotFoundError(absl::StrCat(name_, " has no file ", base::Quoted(path)));
  }
  if (file->size > limit_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(name_, ": ", base::Quoted(path), " has ",
                                                     file->size, " bytes; ", limit_bytes,
                                                     " are allowed"));
  }
  const std::unique_ptr<base::ByteSource> source = OpenFile(*file);
  return base::ReadAll(*source, limit_bytes);
}

}  // namespace stevedore::transfer
