#include "worker/executor.h"

#include "absl/strings/str_cat.h"

namespace stevedore::worker {

void RunMonitor::SetPhase(absl::string_view phase, uint64_t total_bytes) {
  {
    base::MutexLock lock(&mu_);
    if (progress_.phase == phase && progress_.total_bytes == total_bytes) return;
    progress_.phase = std::string(phase);
    progress_.done_bytes = 0;
    progress_.total_bytes = total_bytes;
  }
  if (phase_changed_) phase_changed_();
}

void RunMonitor::SetBytes(uint64_t done_bytes) {
  base::MutexLock lock(&mu_);
  progress_.done_bytes = done_bytes;
}

void RunMonitor::AddBytes(uint64_t bytes) {
  base::MutexLock lock(&mu_);
  progress_.done_bytes += bytes;
}

RunMonitor::Progress RunMonitor::progress() const {
  base::MutexLock lock(&mu_);
  return progress_;
}

void RunMonitor::LogLine(absl::string_view line) { log_.Append(absl::StrCat(line, "\n")); }

bool RunMonitor::LeaseLives() const {
  const absl::Duration now = clock_->SinceBoot();
  base::MutexLock lock(&mu_);
  return now < lease_until_;
}

void RunMonitor::ExtendLease(absl::Duration until) {
  base::MutexLock lock(&mu_);
  lease_until_ = until;
}

}  // namespace stevedore::worker
