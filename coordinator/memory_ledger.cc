#include "coordinator/memory_ledger.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stevedore::coordinator {
namespace {

constexpr absl::string_view kHeading = "stevedore results 1";

bool IsCache(absl::string_view key) {
  return absl::StartsWith(key, "result:") || absl::StartsWith(key, "stat:");
}

}  // namespace

MemoryLedger::MemoryLedger(const base::Clock* clock) : clock_(clock) {}

absl::StatusOr<std::optional<LeaderRecord>> MemoryLedger::ReadLeader() {
  base::MutexLock lock(&mu_);
  return leader_;
}

absl::Status MemoryLedger::Claim(const std::optional<LeaderRecord>& expected,
                                 const LeaderRecord& mine) {
  base::MutexLock lock(&mu_);
  if (leader_ != expected) return absl::AbortedError("claim: the leader record has changed");
  leader_ = mine;
  return absl::OkStatus();
}

absl::StatusOr<ApplyOutcome> MemoryLedger::Apply(int64_t term, absl::string_view address,
                                                 int64_t seq,
                                                 const std::vector<LedgerWrite>& batch) {
  base::MutexLock lock(&mu_);
  if (!leader_.has_value()) return ApplyOutcome::kLost;
  if (leader_->term != term || leader_->address != address) return ApplyOutcome::kFenced;
  if (leader_->seq == seq) return ApplyOutcome::kApplied;
  if (leader_->seq > seq) return ApplyOutcome::kFenced;
  if (leader_->seq != seq - 1) return ApplyOutcome::kLost;
  for (const LedgerWrite& write : batch) Write(write);
  leader_->seq = seq;
  return ApplyOutcome::kApplied;
}

void MemoryLedger::Write(const LedgerWrite& write) {
  switch (write.kind) {
    case LedgerWrite::Kind::kSetField:
    case LedgerWrite::Kind::kSetScore:
      entries_[write.key].fields[write.field] = write.value;
      return;
    case LedgerWrite::Kind::kSetString: {
      Entry& entry = entries_[write.key];
      entry.fields[""] = write.value;
      entry.expiry = write.lifetime > absl::ZeroDuration() ? clock_->Now() + write.lifetime
                                                           : absl::InfiniteFuture();
      return;
    }
    case LedgerWrite::Kind::kDelete:
      entries_.erase(write.key);
      return;
    case LedgerWrite::Kind::kExpire:
      if (auto it = entries_.find(write.key); it != entries_.end()) {
        it->second.expiry = clock_->Now() + write.lifetime;
      }
      return;
    case LedgerWrite::Kind::kRemoveScore:
      if (auto it = entries_.find(write.key); it != entries_.end()) {
        it->second.fields.erase(write.field);
        if (it->second.fields.empty()) entries_.erase(it);
      }
      return;
  }
}

absl::StatusOr<std::vector<LedgerRecord>> MemoryLedger::Load() {
  base::MutexLock lock(&mu_);
  std::vector<LedgerRecord> records;
  const absl::Time now = clock_->Now();
  for (const auto& [key, entry] : entries_) {
    if (entry.expiry <= now) continue;
    for (const auto& [field, value] : entry.fields) records.push_back({key, field, value});
  }
  return records;
}

std::string MemoryLedger::ExportCache() {
  base::MutexLock lock(&mu_);
  std::string text = absl::StrCat(kHeading, "\n");
  const absl::Time now = clock_->Now();
  for (const auto& [key, entry] : entries_) {
    if (!IsCache(key) || entry.expiry <= now) continue;
    const int64_t expiry =
        entry.expiry == absl::InfiniteFuture() ? 0 : absl::ToUnixSeconds(entry.expiry);
    for (const auto& [field, value] : entry.fields) {
      absl::StrAppend(&text, expiry, "\t", absl::CEscape(key), "\t", absl::CEscape(field), "\t",
                      absl::CEscape(value), "\n");
    }
  }
  return text;
}

absl::Status MemoryLedger::ImportCache(absl::string_view text) {
  base::MutexLock lock(&mu_);
  std::map<std::string, Entry> added;
  const absl::Time now = clock_->Now();
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    const absl::Status malformed = absl::InvalidArgumentError(absl::StrCat(
        "results, line ", line_number, ": not what this version writes; delete the file"));
    if (line_number == 1) {
      if (line != kHeading) return malformed;
      continue;
    }
    if (line.empty()) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, '\t');
    int64_t expiry = 0;
    std::string key, field, value;
    if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &expiry) ||
        !absl::CUnescape(parts[1], &key) || !absl::CUnescape(parts[2], &field) ||
        !absl::CUnescape(parts[3], &value) || !IsCache(key)) {
      return malformed;
    }
    const absl::Time ends = expiry == 0 ? absl::InfiniteFuture() : absl::FromUnixSeconds(expiry);
    if (ends <= now) continue;
    Entry& entry = added[key];
    entry.expiry = ends;
    entry.fields[field] = value;
  }
  for (auto& [key, entry] : added) entries_[key] = std::move(entry);
  return absl::OkStatus();
}

void MemoryLedger::Clear() {
  base::MutexLock lock(&mu_);
  leader_.reset();
  entries_.clear();
}

}  // namespace stevedore::coordinator
