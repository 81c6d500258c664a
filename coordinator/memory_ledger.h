// A ledger that lives as long as the process.

#ifndef STEVEDORE_COORDINATOR_MEMORY_LEDGER_H_
#define STEVEDORE_COORDINATOR_MEMORY_LEDGER_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/ledger.h"

namespace stevedore::coordinator {

// Ledger in memory: embedded builds, and coordinators without Redis. What makes later builds faster
// (results, estimates, earlier inputs) can be exported as text and imported by the next process.
// Thread-safe.
class MemoryLedger final : public Ledger {
 public:
  // `clock` decides when lifetimes end; it must outlive the ledger.
  explicit MemoryLedger(const base::Clock* clock = &base::Clock::System());

  absl::StatusOr<std::optional<LeaderRecord>> ReadLeader() override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Claim(const std::optional<LeaderRecord>& expected, const LeaderRecord& mine) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<ApplyOutcome> Apply(int64_t term, absl::string_view address, int64_t seq,
                                     const std::vector<LedgerWrite>& batch) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::vector<LedgerRecord>> Load() override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<double> MemoryUse() override { return 0.0; }

  // Results and statistics of builds as text, one record per line, with the times they expire.
  // Builds are not in it.
  std::string ExportCache() ABSL_LOCKS_EXCLUDED(mu_);

  // Adds what ExportCache returned, before a Queue uses the ledger. Expired records are left out.
  // INVALID_ARGUMENT naming the line: not such a text; nothing was added then.
  absl::Status ImportCache(absl::string_view text) ABSL_LOCKS_EXCLUDED(mu_);

  // Forgets everything, like FLUSHALL: for tests.
  void Clear() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One key with everything under it.
  struct Entry {
    absl::Time expiry = absl::InfiniteFuture();
    std::map<std::string, std::string> fields;
  };

  void Write(const LedgerWrite& write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock* const clock_;
  base::Mutex mu_;
  std::optional<LeaderRecord> leader_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_MEMORY_LEDGER_H_
