#include "context/pack_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "context/pack.h"

namespace stevedore::context {
namespace {

// File: this line, the SHA-256 of the rest in hex, then lines "KEY DIGEST SIZE USED".
constexpr absl::string_view kMagic = "stevedore pack table 1";

}  // namespace

PackTable::PackTable(PackTable&& other) noexcept {
  base::MutexLock lock(&other.mu_);
  // Nobody else can hold this object's lock yet; taking it keeps the analysis honest.
  base::MutexLock mine(&mu_);
  changed_ = other.changed_;
  uses_ = other.uses_;
  records_ = std::move(other.records_);
}

PackTable PackTable::Load(const std::string& path) {
  PackTable table;
  const absl::StatusOr<std::string> bytes = base::ReadFile(path, /*limit_bytes=*/128 << 20);
  if (!bytes.ok()) return table;
  const std::vector<absl::string_view> parts = absl::StrSplit(*bytes, absl::MaxSplits('\n', 2));
  if (parts.size() != 3 || parts[0] != kMagic || base::Sha256Hex(parts[2]) != parts[1]) {
    return table;
  }
  base::MutexLock lock(&table.mu_);
  for (absl::string_view line : absl::StrSplit(parts[2], '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    Record record;
    if (words.size() != 4 || !absl::SimpleAtoi(words[2], &record.size) ||
        !absl::SimpleAtoi(words[3], &record.used)) {
      continue;
    }
    absl::StatusOr<oci::Digest> digest = oci::Digest::Parse(words[1]);
    if (!digest.ok()) continue;
    record.digest = *std::move(digest);
    table.uses_ = std::max(table.uses_, record.used);
    table.records_[std::string(words[0])] = std::move(record);
  }
  return table;
}

std::optional<oci::Descriptor> PackTable::Find(const oci::Digest& key) {
  base::MutexLock lock(&mu_);
  const auto it = records_.find(std::string(key.hex()));
  if (it == records_.end()) return std::nullopt;
  it->second.used = ++uses_;
  oci::Descriptor descriptor;
  descriptor.media_type = std::string(kPackMediaType);
  descriptor.digest = it->second.digest;
  descriptor.size = it->second.size;
  descriptor.annotations[std::string(kPackKeyAnnotation)] = key.ToString();
  return descriptor;
}

void PackTable::Store(const oci::Digest& key, const oci::Descriptor& blob) {
  base::MutexLock lock(&mu_);
  Record& record = records_[std::string(key.hex())];
  record.digest = blob.digest;
  record.size = blob.size;
  record.used = ++uses_;
  changed_ = true;
}

absl::Status PackTable::Save(const std::string& path) {
  std::string body;
  {
    base::MutexLock lock(&mu_);
    if (!changed_) return absl::OkStatus();
    changed_ = false;
    std::vector<std::pair<uint64_t, const std::string*>> kept;  // Use and key.
    for (const auto& [key, record] : records_) kept.emplace_back(record.used, &key);
    std::sort(kept.begin(), kept.end(),
              [](const auto& a, const auto& b) { return a.first > b.first; });
    if (kept.size() > kEntryLimit) kept.resize(kEntryLimit);
    for (const auto& [used, key] : kept) {
      const Record& record = records_[*key];
      absl::StrAppend(&body, *key, " ", record.digest.ToString(), " ", record.size, " ", used,
                      "\n");
    }
  }
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RETURN_IF_ERROR(base::MakeDirectories(path.substr(0, slash)));
  }
  return base::WriteFileAtomically(
      path, absl::StrCat(kMagic, "\n", base::Sha256Hex(body), "\n", body), 0600);
}

size_t PackTable::size() const {
  base::MutexLock lock(&mu_);
  return records_.size();
}

}  // namespace stevedore::context
