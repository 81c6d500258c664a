// Leading: the thread that writes the ledger, and the one that ticks.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "coordinator/queue_body.h"

namespace stevedore::coordinator {
namespace {

// The leader writes at least this often: an empty batch tells standbys that it lives.
constexpr absl::Duration kHeartbeat = absl::Seconds(1);
constexpr absl::Duration kPoll = absl::Milliseconds(500);
// Standby polls further apart than this prove nothing.
constexpr absl::Duration kPollGap = absl::Seconds(1);
constexpr absl::Duration kRetry = absl::Milliseconds(200);
constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kStep = absl::Milliseconds(50);
constexpr absl::Duration kMeasure = absl::Seconds(5);
// A ledger that has owed an answer for so long does not answer: the lease clock stands still.
constexpr absl::Duration kSilent = absl::Seconds(1);
constexpr double kFullShare = 0.8;
// Who was fenced lets the other one show signs of life, whatever --takeover says: else two would
// take turns.
constexpr absl::Duration kPenance = absl::Seconds(5);

size_t SizeOf(const LedgerWrite& write) {
  return write.key.size() + write.field.size() + write.value.size() + 16;
}

bool IsLive(absl::string_view key) {
  return absl::StartsWith(key, "build:") || absl::StartsWith(key, "run:") ||
         absl::StartsWith(key, "tag:") || key == "leases";
}

}  // namespace

Queue::Body::Body(QueueOptions options, std::unique_ptr<Ledger> ledger, const base::Clock* clock)
    : options_(std::move(options)), clock_(clock), ledger_(std::move(ledger)) {}

Queue::Body::~Body() { Stop(); }

void Queue::Body::Start(std::string address) {
  {
    base::MutexLock lock(&mu_);
    address_ = std::move(address);
  }
  writer_ = std::jthread([this] { RunWriter(); });
  ticker_ = std::jthread([this] { RunTicker(); });
}

void Queue::Body::Stop() {
  {
    CallsAfterwards after;
    base::MutexLock lock(&mu_);
    if (mode_ != Mode::kStopped) {
      mode_ = Mode::kStopped;
      RefuseAll(absl::UnavailableError("this coordinator is stopping"), &after.calls);
    }
    wake_writer_.SignalAll();
    wake_ticker_.SignalAll();
    mode_changed_.SignalAll();
  }
  if (writer_.joinable()) writer_.join();
  if (ticker_.joinable()) ticker_.join();
}

absl::Status Queue::Body::AwaitLeadership(absl::Duration timeout) {
  const absl::Duration end = clock_->SinceBoot() + timeout;
  base::MutexLock lock(&mu_);
  while (mode_ == Mode::kStandby) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no leadership within ", absl::FormatDuration(timeout), ": ", CheckLeading().message(),
          ledger_status_.ok() ? "" : "; ", ledger_status_.message()));
    }
    mode_changed_.WaitFor(&mu_, left);
  }
  return mode_ == Mode::kLeading ? absl::OkStatus() : CheckLeading();
}

bool Queue::Body::ready() {
  base::MutexLock lock(&mu_);
  return CheckLeading().ok();
}

// --- The writer's thread

bool Queue::Body::Pause(absl::Duration timeout) {
  const absl::Duration end = clock_->SinceBoot() + timeout;
  base::MutexLock lock(&mu_);
  while (mode_ != Mode::kStopped) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    wake_writer_.WaitFor(&mu_, left);
  }
  return false;
}

void Queue::Body::RunWriter() {
  while (true) {
    Mode mode;
    {
      base::MutexLock lock(&mu_);
      mode = mode_;
    }
    if (mode == Mode::kStopped) break;
    if (mode == Mode::kStandby) {
      Follow();
    } else {
      LeadOnce();
    }
  }
  GiveUpLeadership();
}

void Queue::Body::Follow() {
  std::optional<LeaderRecord> seen;
  bool has_seen = false;
  absl::Duration first_seen, last_poll;
  absl::Duration patience = options_.takeover;
  {
    base::MutexLock lock(&mu_);
    if (stepped_down_) patience = std::max(patience, kPenance);
  }
  while (true) {
    const absl::StatusOr<std::optional<LeaderRecord>> stored = ledger_->ReadLeader();
    const absl::Duration now = clock_->SinceBoot();
    SetLedgerAnswers(stored.status());
    if (!stored.ok()) {
      has_seen = false;
    } else {
      {
        base::MutexLock lock(&mu_);
        leader_ = stored->value_or(LeaderRecord());
        greatest_term_ = std::max(greatest_term_, leader_.term);
      }
      if (!has_seen || *stored != seen || now - last_poll > kPollGap) {
        seen = *stored;
        has_seen = true;
        first_seen = now;
      }
      last_poll = now;
      const bool given_up = seen.has_value() && seen->address.empty();
      if (given_up || now - first_seen >= patience) {
        const absl::Status status = TakeOver(seen);
        if (status.ok()) return;
        if (!absl::IsAborted(status)) SetLedgerAnswers(status);
        has_seen = false;
      }
    }
    if (!Pause(std::max(absl::Milliseconds(10), std::min(kPoll, patience / 4)))) return;
  }
}

absl::Status Queue::Body::TakeOver(const std::optional<LeaderRecord>& stored) {
  LeaderRecord mine;
  {
    base::MutexLock lock(&mu_);
    // Grows even when the ledger forgot: the clock is far ahead of any count of take-overs.
    mine.term = std::max(greatest_term_ + 1, absl::ToUnixMillis(clock_->Now()));
    mine.address = address_;
  }
  RETURN_IF_ERROR(ledger_->Claim(stored, mine));
  ASSIGN_OR_RETURN(const std::vector<LedgerRecord> records, ledger_->Load(), "load the ledger");
  auto scheduler = std::make_unique<Scheduler>(options_.scheduler, options_.artifact_repository);
  scheduler->Lead(mine.term);
  scheduler->Load(records, clock_->Now());
  base::Log(base::LogLevel::kInfo, "leading the queue",
            {{"term", mine.term},
             {"records", records.size()},
             {"unfinished_tasks", scheduler->unfinished_tasks()}});
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  if (mode_ == Mode::kStopped) return absl::OkStatus();
  scheduler_ = std::move(scheduler);
  durable_ = 0;
  leader_ = mine;
  greatest_term_ = std::max(greatest_term_, mine.term);
  mode_ = Mode::kLeading;
  ledger_status_ = absl::OkStatus();
  mode_changed_.SignalAll();
  Pump(&after.calls);
  return absl::OkStatus();
}

void Queue::Body::LeadOnce() {
  std::vector<LedgerWrite> writes;
  uint64_t number = 0;
  {
    const absl::Duration heartbeat = clock_->SinceBoot() + kHeartbeat;
    base::MutexLock lock(&mu_);
    while (mode_ == Mode::kLeading && scheduler_->writes().last_number() <= durable_) {
      const absl::Duration left = heartbeat - clock_->SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      wake_writer_.WaitFor(&mu_, left);
    }
    if (mode_ != Mode::kLeading) return;
    writes = scheduler_->writes().Take();
    number = scheduler_->writes().last_number();
  }
  if (!WriteAll(std::move(writes))) return;
  MeasureLedger();
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  if (mode_ != Mode::kLeading) return;
  durable_ = std::max(durable_, number);
  while (!held_.empty() && held_.front().number <= durable_) {
    after.calls.push_back([deliver = std::move(held_.front().deliver)]() mutable {
      std::move(deliver)(absl::OkStatus());
    });
    held_.pop_front();
  }
}

bool Queue::Body::WriteAll(std::vector<LedgerWrite> writes) {
  std::vector<LedgerWrite> batch;
  size_t bytes = 0;
  for (size_t i = 0; i < writes.size(); ++i) {
    bytes += SizeOf(writes[i]);
    batch.push_back(std::move(writes[i]));
    if (i + 1 < writes.size() && batch.size() < Ledger::kBatchWrites &&
        bytes < Ledger::kBatchBytes) {
      continue;
    }
    const Written written = WriteBatch(batch);
    if (written != Written::kWritten) return written == Written::kRewritten;
    batch.clear();
    bytes = 0;
  }
  return !writes.empty() || WriteBatch({}) != Written::kStopped;
}

Queue::Body::Written Queue::Body::WriteBatch(const std::vector<LedgerWrite>& batch) {
  while (true) {
    LeaderRecord mine;
    {
      base::MutexLock lock(&mu_);
      if (mode_ == Mode::kStandby) return Written::kStopped;
      mine = leader_;
      asked_ledger_ = clock_->SinceBoot();
    }
    const absl::StatusOr<ApplyOutcome> outcome =
        ledger_->Apply(mine.term, mine.address, mine.seq + 1, batch);
    SetLedgerAnswers(outcome.status());
    if (!outcome.ok()) {
      // The same batch under the same number: it may have been written.
      if (!Pause(kRetry)) return Written::kStopped;
      continue;
    }
    switch (*outcome) {
      case ApplyOutcome::kApplied: {
        base::MutexLock lock(&mu_);
        if (mode_ == Mode::kStandby) return Written::kStopped;
        ++leader_.seq;
        return Written::kWritten;
      }
      case ApplyOutcome::kFenced:
        StepDown("another coordinator leads the queue");
        return Written::kStopped;
      case ApplyOutcome::kLost:
        if (const std::optional<Written> written = RewriteLost()) return *written;
        if (!Pause(kRetry)) return Written::kStopped;
        break;
    }
  }
}

std::optional<Queue::Body::Written> Queue::Body::RewriteLost() {
  const absl::StatusOr<std::optional<LeaderRecord>> stored = ledger_->ReadLeader();
  if (!stored.ok()) return std::nullopt;
  LeaderRecord claim;
  {
    base::MutexLock lock(&mu_);
    if (mode_ == Mode::kStandby) return Written::kStopped;
    if (stored->has_value()) greatest_term_ = std::max(greatest_term_, (*stored)->term);
    claim.term = std::max(greatest_term_ + 1, absl::ToUnixMillis(clock_->Now()));
    claim.address = address_;
  }
  const absl::Status claimed = ledger_->Claim(*stored, claim);
  if (absl::IsAborted(claimed)) {
    StepDown("another coordinator has claimed the queue");
    return Written::kStopped;
  }
  if (!claimed.ok()) return std::nullopt;
  base::Log(base::LogLevel::kWarning, "the ledger has forgotten: writing live builds again",
            {{"term", claim.term}});
  const absl::StatusOr<std::vector<LedgerRecord>> records = ledger_->Load();
  std::vector<LedgerWrite> rewrite;
  {
    base::MutexLock lock(&mu_);
    if (mode_ == Mode::kStandby) return Written::kStopped;
    leader_ = claim;
    greatest_term_ = std::max(greatest_term_, claim.term);
    scheduler_->Lead(claim.term);
    std::string last_key;
    if (records.ok()) {
      for (const LedgerRecord& record : *records) {
        if (!IsLive(record.key) || record.key == last_key) continue;
        last_key = record.key;
        rewrite.push_back({LedgerWrite::Kind::kDelete, record.key, "", "", {}});
      }
    }
    // What waits to be written is older than the memory that is written now, but holds results too:
    // first.
    std::vector<LedgerWrite> pending = scheduler_->writes().Take();
    scheduler_->Rewrite();
    std::vector<LedgerWrite> state = scheduler_->writes().Take();
    std::move(pending.begin(), pending.end(), std::back_inserter(rewrite));
    std::move(state.begin(), state.end(), std::back_inserter(rewrite));
  }
  return WriteAll(std::move(rewrite)) ? Written::kRewritten : Written::kStopped;
}

void Queue::Body::SetLedgerAnswers(const absl::Status& status) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  asked_ledger_.reset();
  if (status.ok() != ledger_status_.ok()) {
    base::Log(status.ok() ? base::LogLevel::kInfo : base::LogLevel::kError,
              status.ok() ? "the ledger answers again" : "the ledger does not answer",
              {{"reason", status.message()}});
  }
  ledger_status_ = status;
  if (!status.ok() && mode_ == Mode::kLeading) {
    RefuseAll(
        absl::UnavailableError(absl::StrCat("the ledger does not answer: ", status.message())),
        &after.calls);
  }
}

void Queue::Body::MeasureLedger() {
  const absl::Duration now = clock_->SinceBoot();
  if (now - last_measured_ < kMeasure) return;
  last_measured_ = now;
  const absl::StatusOr<double> use = ledger_->MemoryUse();
  if (!use.ok()) return;  // The next write says more.
  base::MutexLock lock(&mu_);
  ledger_full_ = *use > kFullShare;
}

void Queue::Body::StepDown(absl::string_view why) {
  CallsAfterwards after;
  base::MutexLock lock(&mu_);
  StepDownLocked(why, &after.calls);
}

void Queue::Body::StepDownLocked(absl::string_view why, Calls* calls) {
  if (mode_ != Mode::kLeading) return;
  base::Log(base::LogLevel::kWarning, "stepping down", {{"reason", why}});
  mode_ = Mode::kStandby;
  stepped_down_ = true;
  leader_ = LeaderRecord();
  RefuseAll(NotLeading(absl::StrCat("this coordinator has stopped to lead: ", why)), calls);
  scheduler_.reset();
  durable_ = 0;
  mode_changed_.SignalAll();
  wake_writer_.SignalAll();
}

void Queue::Body::GiveUpLeadership() {
  LeaderRecord mine;
  std::vector<LedgerWrite> writes;
  {
    base::MutexLock lock(&mu_);
    if (scheduler_ == nullptr) return;
    mine = leader_;
    writes = scheduler_->writes().Take();
  }
  std::vector<LedgerWrite> batch;
  for (size_t i = 0; i < writes.size(); ++i) {
    batch.push_back(std::move(writes[i]));
    if (i + 1 < writes.size() && batch.size() < Ledger::kBatchWrites) continue;
    const auto outcome = ledger_->Apply(mine.term, mine.address, ++mine.seq, batch);
    if (!outcome.ok() || *outcome != ApplyOutcome::kApplied) return;
    batch.clear();
  }
  // An empty address: a standby need not wait.
  (void)ledger_->Claim(mine, LeaderRecord{mine.term, mine.seq, ""});
}

// --- The ticker's thread

void Queue::Body::RunTicker() {
  absl::Duration last_tick = clock_->SinceBoot();
  while (true) {
    CallsAfterwards after;
    base::MutexLock lock(&mu_);
    if (mode_ == Mode::kStopped) return;
    wake_ticker_.WaitFor(&mu_, kStep);
    if (mode_ == Mode::kStopped) return;
    const absl::Duration now = clock_->SinceBoot();
    const bool silent = asked_ledger_.has_value() && now - *asked_ledger_ > kSilent;
    if (mode_ != Mode::kLeading || !ledger_status_.ok() || silent) {
      last_tick = now;  // The lease clock stands still.
      continue;
    }
    bool pump = false;
    if (now - last_tick >= kTick) {
      for (const auto& [id, wait] : watches_) scheduler_->Watched(wait.request.build_id());
      scheduler_->Tick(now - last_tick, clock_->Now());
      relay_.Trim(now);
      if (tailed_runs_.size() > 1000) tailed_runs_.clear();
      last_tick = now;
      pump = true;
    }
    std::vector<WaitId> due;
    for (const auto& [id, wait] : syncs_) {
      if (wait.deadline <= now) due.push_back(id);
    }
    for (const WaitId id : due) AnswerSync(id, &after.calls);
    if (pump || !watches_.empty()) Pump(&after.calls);
  }
}

}  // namespace stevedore::coordinator
