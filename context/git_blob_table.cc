#include "context/git_blob_table.h"

#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/hash.h"

namespace stevedore::context {
namespace {

constexpr absl::string_view kMagic = "stevedore git blobs 1\n";
constexpr size_t kChecksumBytes = 32;
constexpr size_t kIdBytes = 20;
constexpr size_t kRecordBytes = kIdBytes + 8 + 32 + 1;

}  // namespace

GitBlobTable GitBlobTable::Load(const std::string& path) {
  GitBlobTable table;
  const absl::StatusOr<std::string> bytes =
      base::ReadFile(path, kMagic.size() + kChecksumBytes + kBlobLimit * kRecordBytes);
  if (bytes.ok()) (void)table.Decode(*bytes);  // Damaged is as good as empty.
  return table;
}

GitBlobTable::GitBlobTable(GitBlobTable&& other) noexcept {
  base::MutexLock lock(&other.mu_);
  base::MutexLock mine(&mu_);
  changed_ = other.changed_;
  blobs_ = std::move(other.blobs_);
}

std::optional<GitBlobTable::Blob> GitBlobTable::Find(const ObjectId& id) const {
  base::MutexLock lock(&mu_);
  const auto it = blobs_.find(id);
  if (it == blobs_.end()) return std::nullopt;
  return it->second;
}

void GitBlobTable::Store(const ObjectId& id, const Blob& blob) {
  base::MutexLock lock(&mu_);
  blobs_[id] = blob;
  changed_ = true;
}

absl::Status GitBlobTable::Save(const std::string& path) {
  {
    base::MutexLock lock(&mu_);
    if (!changed_) return absl::OkStatus();
    changed_ = false;
  }
  return base::WriteFileAtomically(path, Encode(), 0600);
}

size_t GitBlobTable::size() const {
  base::MutexLock lock(&mu_);
  return blobs_.size();
}

std::string GitBlobTable::Encode() const {
  std::string records;
  {
    base::MutexLock lock(&mu_);
    records.reserve(blobs_.size() * kRecordBytes);
    for (const auto& [id, blob] : blobs_) {
      if (records.size() / kRecordBytes >= kBlobLimit) break;
      records.append(id.data(), id.size());
      for (int shift = 56; shift >= 0; shift -= 8) {
        records.push_back(static_cast<char>(blob.size >> shift));
      }
      records.append(blob.digest.data(), blob.digest.size());
      records.push_back(blob.is_lfs_pointer ? 1 : 0);
    }
  }
  std::string bytes(kMagic);
  bytes.append(base::Sha256(records));
  bytes.append(records);
  return bytes;
}

bool GitBlobTable::Decode(absl::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return false;
  bytes.remove_prefix(kMagic.size());
  if (bytes.size() < kChecksumBytes || (bytes.size() - kChecksumBytes) % kRecordBytes != 0) {
    return false;
  }
  const absl::string_view checksum = bytes.substr(0, kChecksumBytes);
  bytes.remove_prefix(kChecksumBytes);
  if (base::Sha256(bytes) != std::string(checksum)) return false;
  base::MutexLock lock(&mu_);
  blobs_.reserve(bytes.size() / kRecordBytes);
  for (; !bytes.empty(); bytes.remove_prefix(kRecordBytes)) {
    ObjectId id;
    std::memcpy(id.data(), bytes.data(), kIdBytes);
    Blob blob;
    for (size_t i = 0; i < 8; ++i) {
      blob.size = blob.size << 8 | static_cast<unsigned char>(bytes[kIdBytes + i]);
    }
    blob.digest = ToSha256(bytes.substr(kIdBytes + 8, 32));
    blob.is_lfs_pointer = bytes[kRecordBytes - 1] != 0;
    blobs_.emplace(id, blob);
  }
  return true;
}

}  // namespace stevedore::context
