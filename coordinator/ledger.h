// What a coordinator must not forget, and who may write it.

#ifndef STEVEDORE_COORDINATOR_LEDGER_H_
#define STEVEDORE_COORDINATOR_LEDGER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace stevedore::coordinator {

// Who leads a queue. `seq` counts the batches of that term. An empty address: the leader has given
// up.
struct LeaderRecord {
  int64_t term = 0;
  int64_t seq = 0;
  std::string address;
  friend bool operator==(const LeaderRecord& a, const LeaderRecord& b) {
    return a.term == b.term && a.seq == b.seq && a.address == b.address;
  }
};

// One change of the ledger. Each may be repeated without harm.
struct LedgerWrite {
  enum class Kind : uint8_t {
    kSetField,     // Hash `key`, `field` = `value`.
    kSetString,    // String `key` = `value`; replaces the lifetime.
    kDelete,       // `key` with all it holds; missing is fine.
    kExpire,       // `key` goes after `lifetime`.
    kSetScore,     // Sorted set `key`: member `field` has score `value` (decimal).
    kRemoveScore,  // Sorted set `key`: without member `field`.
  };
  Kind kind;
  // Family and id without the queue's prefix, e.g. "build:7f3a". A key keeps one type for ever.
  std::string key;
  std::string field;
  std::string value;
  // Of kSetString (zero: for ever) and kExpire. Whole seconds, rounded up.
  absl::Duration lifetime;
};

// One stored value: a hash field, a string (empty `field`) or a sorted set's member (`value` is its
// score).
struct LedgerRecord {
  std::string key;
  std::string field;
  std::string value;
};

// What Apply found.
enum class ApplyOutcome {
  kApplied,
  // Another term or address leads: forget everything, become standby.
  kFenced,
  // The ledger forgot (key missing, or batches missing): only the one who holds the memory may
  // write it again.
  kLost,
};

// The store behind one queue. Errors of every call: UNAVAILABLE (not reachable, loading, read-only,
// busy: the same call may work later, and this one *may have run*), RESOURCE_EXHAUSTED (full;
// nothing was written). One caller at a time, any thread.
class Ledger {
 public:
  // Most writes, and most bytes of keys, fields and values, that one batch should hold.
  static constexpr size_t kBatchWrites = 512;
  static constexpr size_t kBatchBytes = 1 << 20;

  virtual ~Ledger() = default;

  // Who leads; nothing if nobody ever did or the ledger forgot.
  virtual absl::StatusOr<std::optional<LeaderRecord>> ReadLeader() = 0;

  // Becomes `mine` if the stored leader still equals `expected`. ABORTED: it does not (nothing was
  // changed).
  virtual absl::Status Claim(const std::optional<LeaderRecord>& expected,
                             const LeaderRecord& mine) = 0;

  // Writes `batch` if `term` and `address` lead and `seq` follows the stored one; all of it or
  // nothing. A repeated `seq` changes nothing and is kApplied: a resend whose answer was lost.
  virtual absl::StatusOr<ApplyOutcome> Apply(int64_t term, absl::string_view address, int64_t seq,
                                             const std::vector<LedgerWrite>& batch) = 0;

  // Everything that is stored but the leader, in no order. Only after a claim: nobody else writes
  // then.
  virtual absl::StatusOr<std::vector<LedgerRecord>> Load() = 0;

  // Share of the memory limit in use, 0 to 1; 0 without a limit.
  virtual absl::StatusOr<double> MemoryUse() = 0;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_LEDGER_H_
