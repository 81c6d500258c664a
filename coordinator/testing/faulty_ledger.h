// A ledger that fails when told to.

#ifndef STEVEDORE_COORDINATOR_TESTING_FAULTY_LEDGER_H_
#define STEVEDORE_COORDINATOR_TESTING_FAULTY_LEDGER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "coordinator/ledger.h"
#include "coordinator/memory_ledger.h"

namespace stevedore::coordinator::testing {

// Wraps a MemoryLedger that several of these may share. Thread-safe.
class FaultyLedger final : public Ledger {
 public:
  explicit FaultyLedger(std::shared_ptr<MemoryLedger> memory) : memory_(std::move(memory)) {}

  // Another door to the same memory, for another coordinator.
  std::unique_ptr<FaultyLedger> Share() { return std::make_unique<FaultyLedger>(memory_); }
  MemoryLedger& memory() { return *memory_; }

  // Every call fails with `status` until Repair.
  void Break(absl::Status status) {
    base::MutexLock lock(&mu_);
    broken_ = std::move(status);
  }
  void Repair() { Break(absl::OkStatus()); }
  // The next Apply with writes is done, but its caller hears UNAVAILABLE.
  void LoseNextReply() {
    base::MutexLock lock(&mu_);
    lose_reply_ = true;
  }
  // Every Apply with writes waits from now on until Release.
  void Hold() {
    base::MutexLock lock(&mu_);
    holding_ = true;
  }
  void AwaitHeld() {
    base::MutexLock lock(&mu_);
    while (held_ == 0) changed_.Wait(&mu_);
  }
  void Release() {
    base::MutexLock lock(&mu_);
    holding_ = false;
    changed_.SignalAll();
  }

  absl::StatusOr<std::optional<LeaderRecord>> ReadLeader() override {
    if (absl::Status status = Fault(); !status.ok()) return status;
    return memory_->ReadLeader();
  }
  absl::Status Claim(const std::optional<LeaderRecord>& expected,
                     const LeaderRecord& mine) override {
    if (absl::Status status = Fault(); !status.ok()) return status;
    return memory_->Claim(expected, mine);
  }
  absl::StatusOr<ApplyOutcome> Apply(int64_t term, absl::string_view address, int64_t seq,
                                     const std::vector<LedgerWrite>& batch) override {
    bool lose = false;
    {
      base::MutexLock lock(&mu_);
      if (!batch.empty()) {
        lose = std::exchange(lose_reply_, false);
        ++held_;
        changed_.SignalAll();
        while (holding_) changed_.Wait(&mu_);
        --held_;
      }
      if (!broken_.ok()) return broken_;
    }
    const auto outcome = memory_->Apply(term, address, seq, batch);
    if (lose) return absl::UnavailableError("the reply was lost");
    return outcome;
  }
  absl::StatusOr<std::vector<LedgerRecord>> Load() override {
    if (absl::Status status = Fault(); !status.ok()) return status;
    return memory_->Load();
  }
  absl::StatusOr<double> MemoryUse() override { return 0.0; }

 private:
  absl::Status Fault() {
    base::MutexLock lock(&mu_);
    return broken_;
  }

  const std::shared_ptr<MemoryLedger> memory_;
  base::Mutex mu_;
  base::CondVar changed_;
  absl::Status broken_ ABSL_GUARDED_BY(mu_);
  bool lose_reply_ ABSL_GUARDED_BY(mu_) = false;
  bool holding_ ABSL_GUARDED_BY(mu_) = false;
  int held_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace stevedore::coordinator::testing

#endif  // STEVEDORE_COORDINATOR_TESTING_FAULTY_LEDGER_H_
