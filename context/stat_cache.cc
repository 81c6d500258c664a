#include "context/stat_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::context {
namespace {

// File: magic, SHA-256 of what follows, round, records. Numbers little endian; a file of another
// machine or version fails the magic or the hash and counts as empty.
constexpr absl::string_view kMagic = "stevedore stat cache 1\n";
constexpr size_t kRecordBytes = 5 * 8 + 32 + 4;
constexpr size_t kHashBytes = 32;

// The coarsest timestamps among file systems that people build on.
constexpr absl::Duration kGranularity = absl::Seconds(2);

void AppendNumber(std::string* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t TakeNumber(absl::string_view* in, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>((*in)[i])) << (8 * i);
  }
  in->remove_prefix(bytes);
  return value;
}

}  // namespace

StatCache::StatCache(StatCache&& other) noexcept {
  base::MutexLock lock(&other.mu_);
  // Nobody else can hold this object's lock yet; taking it keeps the analysis honest.
  base::MutexLock mine(&mu_);
  round_ = other.round_;
  changed_ = other.changed_;
  records_ = std::move(other.records_);
}

StatCache StatCache::Load(const std::string& path) {
  StatCache cache;
  const absl::StatusOr<std::string> bytes = base::ReadFile(path, /*limit_bytes=*/256 << 20);
  if (bytes.ok()) cache.Decode(*bytes);
  return cache;
}

void StatCache::Decode(absl::string_view bytes) {
  if (bytes.size() < kMagic.size() + kHashBytes + 4 || bytes.substr(0, kMagic.size()) != kMagic) {
    return;
  }
  bytes.remove_prefix(kMagic.size());
  const absl::string_view hash = bytes.substr(0, kHashBytes);
  bytes.remove_prefix(kHashBytes);
  if ((bytes.size() - 4) % kRecordBytes != 0 || base::Sha256(bytes) != hash) return;
  base::MutexLock lock(&mu_);
  round_ = static_cast<uint32_t>(TakeNumber(&bytes, 4)) + 1;
  records_.reserve(bytes.size() / kRecordBytes);
  while (!bytes.empty()) {
    Record record;
    record.file.device = TakeNumber(&bytes, 8);
    record.file.inode = TakeNumber(&bytes, 8);
    record.file.size = TakeNumber(&bytes, 8);
    record.file.mtime_ns = static_cast<int64_t>(TakeNumber(&bytes, 8));
    record.file.ctime_ns = static_cast<int64_t>(TakeNumber(&bytes, 8));
    record.digest = ToSha256(bytes.substr(0, 32));
    bytes.remove_prefix(32);
    record.round = static_cast<uint32_t>(TakeNumber(&bytes, 4));
    records_[Key(record.file.device, record.file.inode)] = record;
  }
}

std::optional<TreeEntry::Sha256> StatCache::Find(const FileIdentity& file) {
  base::MutexLock lock(&mu_);
  const auto it = records_.find(Key(file.device, file.inode));
  if (it == records_.end() || !(it->second.file == file)) return std::nullopt;
  it->second.round = round_;
  return it->second.digest;
}

void StatCache::Store(const FileIdentity& file, const TreeEntry::Sha256& digest,
                      absl::Time read_start) {
  const absl::Time modified = absl::FromUnixNanos(std::max(file.mtime_ns, file.ctime_ns));
  if (modified + kGranularity > read_start) return;
  base::MutexLock lock(&mu_);
  Record record;
  record.file = file;
  record.digest = digest;
  record.round = round_;
  records_[Key(file.device, file.inode)] = record;
  changed_ = true;
}

std::string StatCache::Encode() {
  std::vector<const Record*> kept;
  kept.reserve(records_.size());
  for (const auto& [key, record] : records_) kept.push_back(&record);
  if (kept.size() > kEntryLimit) {
    std::nth_element(kept.begin(), kept.begin() + kEntryLimit, kept.end(),
                     [](const Record* a, const Record* b) { return a->round > b->round; });
    kept.resize(kEntryLimit);
  }
  std::string body;
  body.reserve(4 + kept.size() * kRecordBytes);
  AppendNumber(&body, round_, 4);
  for (const Record* record : kept) {
    AppendNumber(&body, record->file.device, 8);
    AppendNumber(&body, record->file.inode, 8);
    AppendNumber(&body, record->file.size, 8);
    AppendNumber(&body, static_cast<uint64_t>(record->file.mtime_ns), 8);
    AppendNumber(&body, static_cast<uint64_t>(record->file.ctime_ns), 8);
    body.append(record->digest.data(), record->digest.size());
    AppendNumber(&body, record->round, 4);
  }
  return body;
}

absl::Status StatCache::Save(const std::string& path) {
  std::string content(kMagic);
  {
    base::MutexLock lock(&mu_);
    if (!changed_) return absl::OkStatus();
    changed_ = false;
    const std::string body = Encode();
    content += base::Sha256(body);
    content += body;
  }
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RETURN_IF_ERROR(base::MakeDirectories(path.substr(0, slash)));
  }
  return base::WriteFileAtomically(path, content, 0600);
}

size_t StatCache::size() const {
  base::MutexLock lock(&mu_);
  return records_.size();
}

}  // namespace stevedore::context
