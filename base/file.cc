#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::base {
namespace {

// Reads up to `size` bytes at `offset`, or at the file's position if `offset` is negative.
absl::StatusOr<size_t> ReadSome(int fd, int64_t offset, char* buffer, size_t size,
                                absl::string_view name) {
  for (;;) {
    const ssize_t count = offset < 0 ? read(fd, buffer, size) : pread(fd, buffer, size, offset);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("read ", name));
  }
}

std::string SystemTemporaryDirectory() {
  const char* tmpdir = getenv("TMPDIR");
  return tmpdir != nullptr && *tmpdir != '\0' ? tmpdir : "/tmp";
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

absl::Status FileDescriptor::Close() {
  const int fd = Release();
  // EINTR from close leaves the descriptor closed on Linux: never retry.
  if (fd >= 0 && close(fd) != 0 && errno != EINTR) return ErrnoStatus(errno, "close");
  return absl::OkStatus();
}

absl::StatusOr<FileDescriptor> OpenFile(const std::string& path, int flags, mode_t mode) {
  return OpenFileAt(AT_FDCWD, path, flags, mode);
}

absl::StatusOr<FileDescriptor> OpenFileAt(int directory, const std::string& name, int flags,
                                          mode_t mode) {
  for (;;) {
    const int fd = openat(directory, name.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return FileDescriptor(fd);
    if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("open ", name));
  }
}

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDONLY));
  return std::make_unique<FileSource>(std::move(file), path);
}

absl::StatusOr<size_t> FileSource::Read(char* buffer, size_t size) {
  return ReadSome(file_.get(), -1, buffer, size, name_);
}

absl::StatusOr<std::unique_ptr<FileReader>> FileReader::Open(const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(path, O_RDONLY));
  return std::make_unique<FileReader>(std::move(file), path);
}

absl::Status FileReader::ReadAt(uint64_t offset, char* buffer, size_t size) const {
  while (size > 0) {
    ASSIGN_OR_RETURN(const size_t count,
                     ReadSome(file_.get(), static_cast<int64_t>(offset), buffer, size, name_));
    if (count == 0) {
      return absl::OutOfRangeError(
          absl::StrCat(name_, " ends at byte ", offset, ", ", size, " bytes too early"));
    }
    offset += count;
    buffer += count;
    size -= count;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FileReader::Size() const {
  struct stat info;
  if (fstat(file_.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", name_));
  return static_cast<uint64_t>(info.st_size);
}

absl::Status FileSink::Write(absl::string_view bytes) {
  return WriteFully(file_.get(), bytes, name_);
}

absl::Status FileSink::Close() {
  RETURN_IF_ERROR(file_.Close(), name_);
  return absl::OkStatus();
}

absl::Status WriteFully(int fd, absl::string_view bytes, absl::string_view name) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, absl::StrCat("write ", name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<FileSource> source, FileSource::Open(path));
  ASSIGN_OR_RETURN(std::string text, ReadAll(*source, limit_bytes), path);
  return text;
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, mode_t mode) {
  const std::string temporary = absl::StrCat(path, ".", RandomHex(6), ".tmp");
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  absl::Status status = WriteFully(file.get(), content, temporary);
  if (status.ok() && fchmod(file.get(), mode) != 0) {
    status = ErrnoStatus(errno, absl::StrCat("chmod ", temporary));
  }
  if (status.ok() && fsync(file.get()) != 0) {
    status = ErrnoStatus(errno, absl::StrCat("fsync ", temporary));
  }
  if (status.ok()) status = Annotate(file.Close(), temporary);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, absl::StrCat("rename to ", path));
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  const size_t slash = path.rfind('/');
  return SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor directory, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (fsync(directory.get()) != 0) return ErrnoStatus(errno, absl::StrCat("fsync ", path));
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  for (size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string prefix = path.substr(0, end);
    if (mkdir(prefix.c_str(), mode) == 0) continue;
    const int error_number = errno;
    struct stat info;
    if (stat(prefix.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return ErrnoStatus(error_number, absl::StrCat("create directory ", prefix));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("remove ", path));
  return absl::OkStatus();
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

absl::StatusOr<FileDescriptor> OpenUnlinkedFile(const std::string& directory) {
  std::string name =
      absl::StrCat(directory.empty() ? SystemTemporaryDirectory() : directory, "/stevedore-XXXXXX");
  // Not O_TMPFILE: overlay file systems of older kernels have none.
  FileDescriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, absl::StrCat("create temporary file ", name));
  if (unlink(name.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("unlink ", name));
  return file;
}

absl::StatusOr<TemporaryDirectory> TemporaryDirectory::Create(std::string prefix) {
  if (prefix.empty()) prefix = SystemTemporaryDirectory() + "/stevedore-";
  prefix += "XXXXXX";
  if (mkdtemp(prefix.data()) == nullptr) {
    return ErrnoStatus(errno, absl::StrCat("create temporary directory ", prefix));
  }
  return TemporaryDirectory(std::move(prefix));
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) RemoveTree(path_).IgnoreError();  // Nobody is left to tell.
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (directory.empty() || (!name.empty() && name[0] == '/')) return std::string(name);
  if (directory.back() == '/') return absl::StrCat(directory, name);
  return absl::StrCat(directory, "/", name);
}

}  // namespace stevedore::base
