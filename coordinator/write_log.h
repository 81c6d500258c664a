// The ledger writes that transitions produce.

#ifndef STEVEDORE_COORDINATOR_WRITE_LOG_H_
#define STEVEDORE_COORDINATOR_WRITE_LOG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/ledger.h"

namespace stevedore::coordinator {

// Writes in the order in which they were made, numbered from 1. An answer may leave when the ledger
// has every write up to `last_number` at the time the answer was made. Not thread-safe.
class WriteLog {
 public:
  void SetField(std::string key, std::string field, std::string value) {
    Add({LedgerWrite::Kind::kSetField, std::move(key), std::move(field), std::move(value), {}});
  }
  // Zero `lifetime`: for ever.
  void SetString(std::string key, std::string value,
                 absl::Duration lifetime = absl::ZeroDuration()) {
    Add({LedgerWrite::Kind::kSetString, std::move(key), "", std::move(value), lifetime});
  }
  void Delete(std::string key) { Add({LedgerWrite::Kind::kDelete, std::move(key), "", "", {}}); }
  void Expire(std::string key, absl::Duration lifetime) {
    Add({LedgerWrite::Kind::kExpire, std::move(key), "", "", lifetime});
  }
  void SetScore(std::string key, std::string member, int64_t score) {
    Add({LedgerWrite::Kind::kSetScore, std::move(key), std::move(member), absl::StrCat(score), {}});
  }
  void RemoveScore(std::string key, std::string member) {
    Add({LedgerWrite::Kind::kRemoveScore, std::move(key), std::move(member), "", {}});
  }

  uint64_t last_number() const { return last_number_; }

  // Hands over what was added since the last time.
  std::vector<LedgerWrite> Take() { return std::exchange(writes_, {}); }

 private:
  void Add(LedgerWrite write) {
    writes_.push_back(std::move(write));
    ++last_number_;
  }

  std::vector<LedgerWrite> writes_;
  uint64_t last_number_ = 0;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_WRITE_LOG_H_
