#include "transfer/memory_images.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/put_checks.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {
namespace {

// Reads a string that others may read, too.
class SharedSource final : public base::ByteSource {
 public:
  explicit SharedSource(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = bytes_->copy(buffer, size, position_);
    position_ += count;
    return count;
  }

 private:
  const std::shared_ptr<const std::string> bytes_;
  size_t position_ = 0;
};

// Collects a blob; it appears at Commit.
class MemoryUpload final : public BlobUpload {
 public:
  MemoryUpload(MemoryImages* images, std::stop_token stop)
      : images_(images), stop_(std::move(stop)) {}

  absl::Status Write(absl::string_view bytes) override {
    if (stop_.stop_requested()) return absl::CancelledError("writing a blob was cancelled");
    bytes_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }
  absl::StatusOr<oci::Descriptor> Commit(const std::optional<oci::Digest>& expected) override {
    if (expected.has_value()) RETURN_IF_ERROR(expected->Verify(bytes_), images_->Describe());
    return images_->AddBlob(std::move(bytes_));
  }

 private:
  MemoryImages* const images_;
  const std::stop_token stop_;
  std::string bytes_;
};

}  // namespace

oci::Descriptor MemoryImages::AddBlob(std::string bytes, const std::string& media_type) {
  oci::Descriptor blob{
      .media_type = media_type, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
  base::MutexLock lock(&mu_);
  blobs_[blob.digest] = std::make_shared<const std::string>(std::move(bytes));
  return blob;
}

bool MemoryImages::finished() const {
  base::MutexLock lock(&mu_);
  return finished_;
}

absl::StatusOr<bool> MemoryImages::HasBlob(const oci::Digest& digest, std::stop_token) {
  base::MutexLock lock(&mu_);
  return blobs_.count(digest) > 0;
}

absl::Status MemoryImages::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                   std::stop_token stop) {
  std::string bytes;
  base::StringSink sink(&bytes);
  RETURN_IF_ERROR(CopyBlob(blob, opener, sink, Describe(), stop));
  RETURN_IF_ERROR(blob.digest.Verify(bytes), Describe());
  base::MutexLock lock(&mu_);
  blobs_[blob.digest] = std::make_shared<const std::string>(std::move(bytes));
  return absl::OkStatus();
}

absl::StatusOr<bool> MemoryImages::MountBlob(const oci::Digest& digest, const std::string&,
                                             std::stop_token stop) {
  return HasBlob(digest, std::move(stop));
}

absl::StatusOr<std::unique_ptr<BlobUpload>> MemoryImages::StartBlob(std::stop_token stop) {
  return std::make_unique<MemoryUpload>(this, std::move(stop));
}

absl::Status MemoryImages::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                         std::stop_token stop) {
  const BlobOpener opener = [&path]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, base::FileSource::Open(path));
    return source;
  };
  return PutBlob(blob, opener, std::move(stop));
}

absl::StatusOr<oci::Digest> MemoryImages::PutManifest(const std::string& tag_or_digest,
                                                      absl::string_view bytes,
                                                      const std::string& media_type,
                                                      std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  oci::Descriptor entry{.media_type = media_type};
  std::set<oci::Digest> children;
  if (LooksLikeDigest(tag_or_digest)) {
    RETURN_IF_ERROR(CheckManifestDigest(tag_or_digest, bytes), Describe());
  } else {
    ASSIGN_OR_RETURN(entry.annotations[oci::kRefNameAnnotation], NameOf(tag_or_digest));
  }
  if (oci::IsIndexType(media_type)) {
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::string(bytes), media_type),
                     Describe());
    for (const oci::Descriptor& child : index.manifests()) children.insert(child.digest);
  }
  const oci::Descriptor stored = AddBlob(std::string(bytes));
  entry.digest = stored.digest;
  entry.size = stored.size;
  const std::string name = RefNameOf(entry);
  base::MutexLock lock(&mu_);
  const bool listed = std::any_of(entries_.begin(), entries_.end(),
                                  [&](const auto& old) { return old.digest == entry.digest; });
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [&](const oci::Descriptor& old) {
                                  const std::string old_name = RefNameOf(old);
                                  if (!old_name.empty()) return old_name == name;
                                  if (children.count(old.digest) > 0) return true;
                                  return !name.empty() && old.digest == entry.digest;
                                }),
                 entries_.end());
  if (!listed || !name.empty()) entries_.push_back(std::move(entry));
  return stored.digest;
}

absl::Status MemoryImages::DeleteManifest(const std::string& tag_or_digest, std::stop_token) {
  oci::Digest digest;
  std::string name;
  if (LooksLikeDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(digest, oci::Digest::Parse(tag_or_digest), Describe());
  } else {
    ASSIGN_OR_RETURN(name, NameOf(tag_or_digest));
  }
  base::MutexLock lock(&mu_);
  const auto rest = std::remove_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return name.empty() ? entry.digest == digest : RefNameOf(entry) == name;
  });
  if (rest == entries_.end()) {
    return absl::NotFoundError(absl::StrCat(Describe(), " has no manifest ", tag_or_digest));
  }
  entries_.erase(rest, entries_.end());
  return absl::OkStatus();
}

absl::Status MemoryImages::Finish(std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  base::MutexLock lock(&mu_);
  finished_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<oci::Descriptor>> MemoryImages::Entries() const {
  base::MutexLock lock(&mu_);
  return entries_;
}

absl::StatusOr<std::optional<uint64_t>> MemoryImages::SizeOf(const oci::Digest& digest) const {
  base::MutexLock lock(&mu_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return std::nullopt;
  return found->second->size();
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> MemoryImages::OpenContent(
    const oci::Digest& digest) const {
  base::MutexLock lock(&mu_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) {
    return absl::NotFoundError(absl::StrCat("there is no ", digest.ToString()));
  }
  return std::make_unique<SharedSource>(found->second);
}

}  // namespace stevedore::transfer
