#include "oci/layout/layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

constexpr char kLayoutFile[] = "oci-layout";
constexpr char kLayoutText[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
constexpr char kIndexFile[] = "index.json";
// Blobs grow here, on the same file system, where no reader of the layout looks.
constexpr char kTemporaryFolder[] = ".tmp";
// index.json of a layout lists whole fleets of images: about 200,000 entries.
constexpr uint64_t kMaxIndexBytes = 64 << 20;
// Names listed in a "not found" message.
constexpr size_t kNamesShown = 5;

// Holds an exclusive flock on `oci-layout`, which is never replaced, while it lives. Each lock has
// a file description of its own, so it excludes threads as well as processes.
class IndexLock {
 public:
  static absl::StatusOr<IndexLock> Take(const std::string& directory) {
    const std::string path = base::JoinPath(directory, kLayoutFile);
    ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_RDONLY));
    while (flock(file.get(), LOCK_EX) != 0) {
      if (errno != EINTR) return base::ErrnoStatus(errno, absl::StrCat("lock ", path));
    }
    return IndexLock(std::move(file));
  }

 private:
  explicit IndexLock(base::FileDescriptor file) : file_(std::move(file)) {}
  base::FileDescriptor file_;
};

absl::Status CheckRefName(absl::string_view name) {
  const bool bad = name.empty() || std::any_of(name.begin(), name.end(), [](char c) {
                     return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                   });
  if (!bad) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("ref name ", base::Quoted(name), " is empty or has control characters"));
}

std::string RefNameOf(const Descriptor& descriptor) {
  const auto it = descriptor.annotations.find(kRefNameAnnotation);
  return it == descriptor.annotations.end() ? "" : it->second;
}

absl::Status CheckVersion(const std::string& directory) {
  const std::string path = base::JoinPath(directory, kLayoutFile);
  absl::StatusOr<std::string> text = base::ReadFile(path, kMaxDocumentBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(directory, " is not an image layout: it has no file `oci-layout`"));
  }
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(*text), path);
  const auto version = json.find("imageLayoutVersion");
  if (!json.is_object() || version == json.end() || *version != "1.0.0") {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " holds ", base::Quoted(*text), "; only imageLayoutVersion 1.0.0 is ", "supported"));
  }
  return absl::OkStatus();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return base::ErrnoStatus(errno, absl::StrCat("rename ", from, " to ", to));
}

// The folder that `digest`'s file is in, made if needed.
absl::StatusOr<std::string> BlobFolder(const std::string& directory, const Digest& digest) {
  std::string folder = base::JoinPath(directory, absl::StrCat("blobs/", digest.algorithm()));
  RETURN_IF_ERROR(base::MakeDirectories(folder));
  return folder;
}

// The manifests that an index names; none of other documents.
absl::flat_hash_set<Digest> ChildrenOf(absl::string_view bytes, const std::string& media_type) {
  absl::flat_hash_set<Digest> children;
  if (!IsIndexType(media_type)) return children;
  const absl::StatusOr<Index> index = Index::Parse(std::string(bytes), media_type);
  if (!index.ok()) return children;
  for (const Descriptor& child : index->manifests()) children.insert(child.digest);
  return children;
}

}  // namespace

BlobWriter::~BlobWriter() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

absl::Status BlobWriter::Write(absl::string_view bytes) {
  RETURN_IF_ERROR(base::WriteFully(file_.get(), bytes, temporary_));
  hasher_.Update(bytes);
  size_ += bytes.size();
  return absl::OkStatus();
}

absl::Status BlobWriter::Close() {
  if (!file_.valid()) return absl::OkStatus();
  if (fsync(file_.get()) != 0) return base::ErrnoStatus(errno, absl::StrCat("sync ", temporary_));
  return file_.Close();
}

absl::StatusOr<Digest> BlobWriter::Commit(const std::optional<Digest>& expected) {
  if (temporary_.empty()) return absl::FailedPreconditionError("blob was committed before");
  RETURN_IF_ERROR(Close());
  const Digest digest = Digest::FromRaw(algorithm_, hasher_.Finish());
  if (expected.has_value() && *expected != digest) {
    return absl::DataLossError(absl::StrCat("blob of ", size_, " bytes has digest ",
                                            digest.ToString(), ", expected ",
                                            expected->ToString()));
  }
  ASSIGN_OR_RETURN(const std::string folder, BlobFolder(directory_, digest));
  RETURN_IF_ERROR(Rename(temporary_, base::JoinPath(folder, digest.hex())));
  temporary_.clear();
  RETURN_IF_ERROR(base::SyncDirectory(folder));
  return digest;
}

absl::StatusOr<Layout> Layout::Open(const std::string& directory) {
  if (!base::Exists(directory)) {
    return absl::NotFoundError(absl::StrCat("image layout ", directory, " does not exist"));
  }
  RETURN_IF_ERROR(CheckVersion(directory));
  return Layout(directory);
}

absl::StatusOr<Layout> Layout::OpenOrCreate(const std::string& directory) {
  if (base::Exists(base::JoinPath(directory, kLayoutFile))) return Open(directory);
  // `oci-layout` is written last, so a folder with blobs but without it is not a layout of ours.
  for (const char* name : {kIndexFile, "blobs", "manifest.json"}) {
    if (!base::Exists(base::JoinPath(directory, name))) continue;
    // Another process may be creating the same layout right now.
    if (base::Exists(base::JoinPath(directory, kLayoutFile))) return Open(directory);
    return absl::FailedPreconditionError(absl::StrCat(
        directory, " has `", name, "` but no `oci-layout`: it is not an image layout; ",
        "choose another folder or remove it"));
  }
  RETURN_IF_ERROR(base::MakeDirectories(directory), "create image layout");
  RETURN_IF_ERROR(base::WriteFileAtomically(base::JoinPath(directory, kLayoutFile), kLayoutText));
  Layout layout(directory);
  ASSIGN_OR_RETURN(const IndexLock lock, IndexLock::Take(directory));
  RETURN_IF_ERROR(base::MakeDirectories(base::JoinPath(directory, "blobs/sha256")));
  if (!base::Exists(base::JoinPath(directory, kIndexFile))) {
    RETURN_IF_ERROR(layout.ReplaceIndex({}));
  }
  return layout;
}

std::string Layout::BlobPath(const Digest& digest) const {
  return base::JoinPath(directory_, absl::StrCat("blobs/", digest.Path()));
}

bool Layout::HasBlob(const Digest& digest) const { return BlobSize(digest).ok(); }

absl::StatusOr<uint64_t> Layout::BlobSize(const Digest& digest) const {
  if (digest.empty()) return absl::InvalidArgumentError("an empty digest names no blob");
  const std::string path = BlobPath(digest);
  struct stat status = {};
  if (lstat(path.c_str(), &status) != 0) return base::ErrnoStatus(errno, path);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  return static_cast<uint64_t>(status.st_size);
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> Layout::OpenBlob(const Digest& digest) const {
  RETURN_IF_ERROR(BlobSize(digest).status(), "blob of image layout");
  const std::string path = BlobPath(digest);
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_RDONLY | O_NOFOLLOW));
  return std::make_unique<base::FileSource>(std::move(file), path);
}

absl::StatusOr<std::string> Layout::ReadBlob(const Digest& digest, uint64_t limit_bytes) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, OpenBlob(digest));
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*source, limit_bytes), BlobPath(digest));
  RETURN_IF_ERROR(digest.Verify(bytes), BlobPath(digest));
  return bytes;
}

absl::StatusOr<std::unique_ptr<BlobWriter>> Layout::StartBlob(base::HashAlgorithm algorithm) const {
  const std::string folder = base::JoinPath(directory_, kTemporaryFolder);
  RETURN_IF_ERROR(base::MakeDirectories(folder));
  const std::string path = base::JoinPath(folder, base::RandomHex(16));
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0644));
  return std::unique_ptr<BlobWriter>(new BlobWriter(directory_, path, std::move(file), algorithm));
}

absl::StatusOr<Digest> Layout::PutBlob(absl::string_view bytes) const {
  const Digest digest = Digest::Of(bytes);
  if (HasBlob(digest)) return digest;
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer, StartBlob());
  RETURN_IF_ERROR(writer->Write(bytes));
  return writer->Commit(digest);
}

absl::Status Layout::AdoptBlob(const Digest& digest, const std::string& path) const {
  ASSIGN_OR_RETURN(const std::string folder, BlobFolder(directory_, digest));
  const std::string target = BlobPath(digest);
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_RDONLY | O_NOFOLLOW));
  if (fsync(file.get()) != 0) return base::ErrnoStatus(errno, absl::StrCat("sync ", path));
  if (std::rename(path.c_str(), target.c_str()) == 0) return base::SyncDirectory(folder);
  if (errno != EXDEV) {
    return base::ErrnoStatus(errno, absl::StrCat("rename ", path, " to ", target));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer, StartBlob(digest.hash_algorithm()));
  base::FileSource source(std::move(file), path);
  RETURN_IF_ERROR(base::CopyAll(source, *writer).status());
  RETURN_IF_ERROR(writer->Commit(digest).status(), path);
  if (unlink(path.c_str()) != 0) return base::ErrnoStatus(errno, absl::StrCat("remove ", path));
  return absl::OkStatus();
}

absl::StatusOr<Index> Layout::ReadIndex() const {
  const std::string path = base::JoinPath(directory_, kIndexFile);
  ASSIGN_OR_RETURN(std::string bytes, base::ReadFile(path, kMaxIndexBytes));
  ASSIGN_OR_RETURN(Index index, Index::Parse(std::move(bytes), "", kMaxIndexBytes), path,
                   " is corrupt (repair or remove the layout; it is not overwritten)");
  return index;
}

absl::Status Layout::ReplaceIndex(const std::vector<Descriptor>& manifests) const {
  ASSIGN_OR_RETURN(const Index index, Index::Create(manifests));
  return base::WriteFileAtomically(base::JoinPath(directory_, kIndexFile), index.bytes());
}

absl::StatusOr<Descriptor> Layout::PutManifest(absl::string_view bytes,
                                               const std::string& media_type,
                                               const std::optional<std::string>& ref_name) const {
  if (ref_name.has_value()) RETURN_IF_ERROR(CheckRefName(*ref_name));
  Descriptor descriptor{
      .media_type = media_type, .digest = Digest::Of(bytes), .size = bytes.size()};
  if (ref_name.has_value()) descriptor.annotations[kRefNameAnnotation] = *ref_name;
  // The blob first: whoever sees the name must find the content.
  RETURN_IF_ERROR(PutBlob(bytes).status(), "manifest");

  const absl::flat_hash_set<Digest> children = ChildrenOf(bytes, media_type);
  ASSIGN_OR_RETURN(const IndexLock lock, IndexLock::Take(directory_));
  ASSIGN_OR_RETURN(const Index index, ReadIndex());
  std::vector<Descriptor> manifests;
  for (const Descriptor& old : index.manifests()) {
    const std::string name = RefNameOf(old);
    // Listed only until the index came that leads to it.
    if (name.empty() && children.contains(old.digest)) continue;
    if (ref_name.has_value()) {
      // The name moves; an entry that only kept this manifest listed is replaced by the named one.
      if (name == *ref_name || (name.empty() && old.digest == descriptor.digest)) continue;
    } else if (old.digest == descriptor.digest) {
      return descriptor;
    }
    manifests.push_back(old);
  }
  manifests.push_back(descriptor);
  RETURN_IF_ERROR(ReplaceIndex(manifests));
  return descriptor;
}

absl::StatusOr<Descriptor> Layout::Find(absl::string_view name) const {
  ASSIGN_OR_RETURN(const Index index, ReadIndex());
  const absl::StatusOr<Digest> digest = Digest::Parse(name);
  std::vector<std::string> names;
  for (const Descriptor& descriptor : index.manifests()) {
    const std::string ref_name = RefNameOf(descriptor);
    if (digest.ok() ? descriptor.digest == *digest : ref_name == name) return descriptor;
    if (!ref_name.empty()) names.push_back(ref_name);
  }
  if (digest.ok() && HasBlob(*digest)) {
    // Children of an index are not listed themselves.
    for (const Descriptor& descriptor : index.manifests()) {
      if (!IsIndexType(descriptor.media_type)) continue;
      ASSIGN_OR_RETURN(std::string bytes, ReadBlob(descriptor.digest));
      ASSIGN_OR_RETURN(const Index children, Index::Parse(std::move(bytes)));
      for (const Descriptor& child : children.manifests()) {
        if (child.digest == *digest) return child;
      }
    }
  }
  const size_t shown = std::min(names.size(), kNamesShown);
  return absl::NotFoundError(absl::StrCat("image layout ", directory_, " has no ",
                                          base::Quoted(name), "; it has ", names.size(), " names",
                                          names.empty() ? "" : ": ",
                                          absl::StrJoin(names.begin(), names.begin() + shown, ", "),
                                          names.size() > shown ? ", ..." : ""));
}

absl::StatusOr<std::vector<std::string>> Layout::References() const {
  ASSIGN_OR_RETURN(const Index index, ReadIndex());
  std::vector<std::string> names;
  for (const Descriptor& descriptor : index.manifests()) {
    std::string name = RefNameOf(descriptor);
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

absl::StatusOr<bool> Layout::RemoveEntries(absl::FunctionRef<bool(const Descriptor&)> drop) const {
  ASSIGN_OR_RETURN(const IndexLock lock, IndexLock::Take(directory_));
  ASSIGN_OR_RETURN(const Index index, ReadIndex());
  std::vector<Descriptor> manifests;
  for (const Descriptor& descriptor : index.manifests()) {
    if (!drop(descriptor)) manifests.push_back(descriptor);
  }
  if (manifests.size() == index.manifests().size()) return false;
  RETURN_IF_ERROR(ReplaceIndex(manifests));
  return true;
}

absl::Status Layout::RemoveReference(absl::string_view ref_name) const {
  ASSIGN_OR_RETURN(const bool removed, RemoveEntries([ref_name](const Descriptor& entry) {
                     return RefNameOf(entry) == ref_name;
                   }));
  if (removed) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("image layout ", directory_, " has no ", base::Quoted(ref_name)));
}

absl::Status Layout::RemoveManifest(const Digest& digest) const {
  ASSIGN_OR_RETURN(const bool removed, RemoveEntries([&digest](const Descriptor& entry) {
                     return entry.digest == digest;
                   }));
  if (removed) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("image layout ", directory_, " lists no manifest ", digest.ToString()));
}

}  // namespace stevedore::oci
