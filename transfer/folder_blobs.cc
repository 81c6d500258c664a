#include "transfer/folder_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "transfer/put_checks.h"

namespace stevedore::transfer {

// A blob on its way into the folder.
class FolderUpload final : public BlobUpload {
 public:
  static absl::StatusOr<std::unique_ptr<FolderUpload>> Start(const FolderBlobs* blobs,
                                                             base::HashAlgorithm algorithm,
                                                             std::stop_token stop) {
    std::string path =
        base::JoinPath(blobs->folder_, absl::StrCat(".partial-", base::RandomHex(16)));
    ASSIGN_OR_RETURN(base::FileDescriptor file,
                     base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0644), blobs->place_);
    return std::unique_ptr<FolderUpload>(
        new FolderUpload(blobs, std::move(path), std::move(file), algorithm, std::move(stop)));
  }
  ~FolderUpload() override {
    if (!path_.empty()) unlink(path_.c_str());
  }

  absl::Status Write(absl::string_view bytes) override {
    if (stop_.stop_requested()) return absl::CancelledError("writing a blob was cancelled");
    hasher_.Update(bytes);
    size_ += bytes.size();
    return base::WriteFully(file_.get(), bytes, path_);
  }

  absl::Status Close() override {
    if (!file_.valid()) return absl::OkStatus();
    if (fsync(file_.get()) != 0) return base::ErrnoStatus(errno, absl::StrCat("fsync ", path_));
    return base::Annotate(file_.Close(), path_);
  }

  absl::StatusOr<oci::Descriptor> Commit(const std::optional<oci::Digest>& expected) override {
    if (path_.empty()) return absl::FailedPreconditionError("blob was committed before");
    RETURN_IF_ERROR(Close());
    oci::Digest digest = oci::Digest::FromRaw(algorithm_, hasher_.Finish());
    if (expected.has_value() && *expected != digest) {
      return absl::DataLossError(absl::StrCat("blob of ", size_, " bytes for ", blobs_->place_,
                                              " has digest ", digest.ToString(), ", expected ",
                                              expected->ToString()));
    }
    const std::string target = blobs_->PathOf(digest);
    if (std::rename(path_.c_str(), target.c_str()) != 0) {
      return base::ErrnoStatus(errno, absl::StrCat("rename to ", target));
    }
    path_.clear();
    RETURN_IF_ERROR(base::SyncDirectory(blobs_->folder_));
    return oci::Descriptor{.media_type = "", .digest = std::move(digest), .size = size_};
  }

 private:
  FolderUpload(const FolderBlobs* blobs, std::string path, base::FileDescriptor file,
               base::HashAlgorithm algorithm, std::stop_token stop)
      : blobs_(blobs),
        path_(std::move(path)),
        file_(std::move(file)),
        algorithm_(algorithm),
        stop_(std::move(stop)),
        hasher_(algorithm) {}

  const FolderBlobs* const blobs_;
  std::string path_;  // Of the temporary file; empty once renamed.
  base::FileDescriptor file_;
  const base::HashAlgorithm algorithm_;
  const std::stop_token stop_;
  base::Hasher hasher_;
  uint64_t size_ = 0;
};

absl::StatusOr<base::FileDescriptor> OpenRegularFile(const std::string& path) {
  // O_NONBLOCK: opening a pipe would wait for its other end.
  absl::StatusOr<base::FileDescriptor> file =
      base::OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat info = {};
  if (!file.ok()) {
    const bool link = lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
    return link ? absl::NotFoundError(absl::StrCat(path, " is a link, which is not followed"))
                : file.status();
  }
  if (fstat(file->get(), &info) != 0) return base::ErrnoStatus(errno, path);
  if (S_ISREG(info.st_mode)) return file;
  return absl::NotFoundError(absl::StrCat(path, " is no regular file"));
}

absl::StatusOr<std::string> ReadRegularFile(const std::string& path, uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(base::FileDescriptor file, OpenRegularFile(path));
  base::FileSource source(std::move(file), path);
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(source, limit_bytes), path);
  return bytes;
}

absl::StatusOr<std::optional<uint64_t>> FolderBlobs::SizeOf(const oci::Digest& digest) const {
  const std::string path = PathOf(digest);
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return base::ErrnoStatus(errno, path);
  }
  if (!S_ISREG(info.st_mode)) return std::nullopt;
  return info.st_size;
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> FolderBlobs::Open(
    const oci::Digest& digest) const {
  const std::string path = PathOf(digest);
  ASSIGN_OR_RETURN(base::FileDescriptor file, OpenRegularFile(path));
  return std::make_unique<base::FileSource>(std::move(file), path);
}

absl::StatusOr<bool> FolderBlobs::HasBlob(const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(digest), place_);
  return size.has_value();
}

absl::Status FolderBlobs::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                  const std::stop_token& stop) const {
  ASSIGN_OR_RETURN(const bool there, HasBlob(blob.digest));
  if (there) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderUpload> upload,
                   FolderUpload::Start(this, blob.digest.hash_algorithm(), stop));
  RETURN_IF_ERROR(CopyBlob(blob, opener, *upload, place_, stop));
  return upload->Commit(blob.digest).status();
}

absl::StatusOr<std::unique_ptr<BlobUpload>> FolderBlobs::StartBlob(std::stop_token stop) const {
  ASSIGN_OR_RETURN(std::unique_ptr<FolderUpload> upload,
                   FolderUpload::Start(this, base::HashAlgorithm::kSha256, std::move(stop)));
  return upload;
}

absl::Status FolderBlobs::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                        const std::stop_token& stop) const {
  const BlobOpener opener = [&path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, base::FileSource::Open(path));
    return source;
  };
  return PutBlob(blob, opener, stop);
}

}  // namespace stevedore::transfer
