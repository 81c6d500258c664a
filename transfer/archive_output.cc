#include "transfer/archive_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::transfer {
namespace {

// Writes to a descriptor of somebody else; Close leaves it open, so that it can be synced.
class DescriptorSink final : public base::ByteSink {
 public:
  DescriptorSink(int fd, const std::string* name, const std::stop_token* stop)
      : fd_(fd), name_(name), stop_(stop) {}
  absl::Status Write(absl::string_view bytes) override {
    if (stop_->stop_requested()) return absl::CancelledError("writing an archive was cancelled");
    return base::WriteFully(fd_, bytes, *name_);
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  const int fd_;
  const std::string* const name_;
  const std::stop_token* const stop_;
};

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Something that is not replaced but written to: a pipe, a device.
bool IsStream(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

absl::Status WriteAndSync(int fd, const std::string& name,
                          absl::FunctionRef<absl::Status(base::ByteSink&)> write,
                          const std::stop_token& stop) {
  DescriptorSink sink(fd, &name, &stop);
  RETURN_IF_ERROR(write(sink));
  if (fsync(fd) != 0) return base::ErrnoStatus(errno, absl::StrCat("fsync ", name));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckArchivePath(const std::string& path) {
  if (path == "-") return absl::OkStatus();
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a folder, and an archive is a file; choose another name"));
  }
  const std::string folder = FolderOf(path);
  if (stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": there is no folder ", folder, "; make it first"));
}

absl::Status WriteArchive(const std::string& path,
                          absl::FunctionRef<absl::Status(base::ByteSink&)> write,
                          const std::stop_token& stop) {
  if (path == "-") {
    const std::string name = "standard output";
    DescriptorSink sink(STDOUT_FILENO, &name, &stop);
    return write(sink);
  }
  RETURN_IF_ERROR(CheckArchivePath(path));
  if (IsStream(path)) {
    ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_WRONLY));
    DescriptorSink sink(file.get(), &path, &stop);
    RETURN_IF_ERROR(write(sink));
    return file.Close();
  }
  const std::string temporary = absl::StrCat(path, ".", base::RandomHex(6), ".tmp");
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666));
  absl::Status status = WriteAndSync(file.get(), temporary, write, stop);
  if (status.ok()) status = base::Annotate(file.Close(), temporary);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = base::ErrnoStatus(errno, absl::StrCat("rename to ", path));
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return base::SyncDirectory(FolderOf(path));
}

}  // namespace stevedore::transfer
