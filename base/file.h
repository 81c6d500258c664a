// Files and directories: owning descriptors, streams over them, and writes that survive a crash.

#ifndef STEVEDORE_BASE_FILE_H_
#define STEVEDORE_BASE_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"

namespace stevedore::base {

// Owns a file descriptor. Move-only; not thread-safe, but the descriptor inside may be used by any
// thread.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives up ownership.
  int Release() { return std::exchange(fd_, -1); }
  // Closes now and reports what close reports: for a file that was written, that is where late
  // errors surface.
  absl::Status Close();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; errors name `path`. `mode` only with O_CREAT.
absl::StatusOr<FileDescriptor> OpenFile(const std::string& path, int flags, mode_t mode = 0666);

// openat(2) with O_CLOEXEC: `name` relative to the open directory `directory`; errors name `name`.
absl::StatusOr<FileDescriptor> OpenFileAt(int directory, const std::string& name, int flags,
                                          mode_t mode = 0666);

// A new empty file in `directory` (empty: $TMPDIR or /tmp) for reading and writing that has no name
// any more: nothing is left of it in any case.
absl::StatusOr<FileDescriptor> OpenUnlinkedFile(const std::string& directory = "");

// Reads a file from start to end.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(FileDescriptor file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}
  static absl::StatusOr<std::unique_ptr<FileSource>> Open(const std::string& path);
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override;

 private:
  FileDescriptor file_;
  const std::string name_;  // For messages.
};

// pread(2) over an open file.
class FileReader final : public RandomReader {
 public:
  explicit FileReader(FileDescriptor file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}
  static absl::StatusOr<std::unique_ptr<FileReader>> Open(const std::string& path);
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override;
  // The size in bytes as fstat says now.
  absl::StatusOr<uint64_t> Size() const;

 private:
  const FileDescriptor file_;
  const std::string name_;
};

// Writes to an open file. Close does not sync.
class FileSink final : public ByteSink {
 public:
  explicit FileSink(FileDescriptor file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}
  absl::Status Write(absl::string_view bytes) override;
  absl::Status Close() override;

 private:
  FileDescriptor file_;
  const std::string name_;
};

// Writes all of `bytes` to descriptor `fd`, over short writes and signals; `name` is for messages.
absl::Status WriteFully(int fd, absl::string_view bytes, absl::string_view name);

// The whole file. RESOURCE_EXHAUSTED above `limit_bytes`; NOT_FOUND if there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t limit_bytes = 64 << 20);

// Replaces `path` so that a reader sees the old or the new content, and a crash leaves one of the
// two: temporary file in the same directory, fsync, rename, fsync of the directory. `mode` is exact
// (no umask).
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content,
                                 mode_t mode = 0644);

// fsync of a directory, so that renames inside it survive a crash.
absl::Status SyncDirectory(const std::string& path);

// mkdir -p. Existing directories keep their mode.
absl::Status MakeDirectories(const std::string& path, mode_t mode = 0755);

// rm -rf, not following links. Missing is fine.
absl::Status RemoveTree(const std::string& path);

// True if something (a dangling link too) is at `path`.
bool Exists(const std::string& path);

// A directory that exists as long as this object. Move-only.
class TemporaryDirectory {
 public:
  // Creates PREFIXxxxxxx; `prefix` is a path, default in $TMPDIR or /tmp (short enough for unix
  // sockets).
  static absl::StatusOr<TemporaryDirectory> Create(std::string prefix = "");
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// `directory` + "/" + `name`, without doubling the slash; `name` alone if `directory` is empty or
// `name` is absolute.
std::string JoinPath(absl::string_view directory, absl::string_view name);

}  // namespace stevedore::base

#endif  // STEVEDORE_BASE_FILE_H_
