#include "cli/patience.h"

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace stevedore::cli {

bool Pause(absl::Duration duration, std::stop_token stop) {
  base::Mutex mu;
  base::CondVar changed;
  bool stopped = false;
  const std::stop_callback on_stop(stop, [&] {
    base::MutexLock lock(&mu);
    stopped = true;
    changed.SignalAll();
  });
  const absl::Time deadline = absl::Now() + duration;
  base::MutexLock lock(&mu);
  while (!stopped && absl::Now() < deadline) changed.WaitFor(&mu, deadline - absl::Now());
  return stopped;
}

void Patience::Reset() {
  if (announced_ && display_ != nullptr) {
    display_->Note(absl::StrCat(client_.name(), " answers again"));
  }
  since_.reset();
  announced_ = false;
  backoff_.reset();
}

absl::Status Patience::Wait(const absl::Status& cause, std::stop_token stop) {
  const absl::Duration now = base::Clock::System().SinceBoot();
  if (!since_.has_value()) {
    since_ = now;
    backoff_.emplace(options_.first_retry, options_.longest_retry,
                     static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
  }
  if (now - *since_ >= options_.wait_for_server) {
    return absl::UnavailableError(
        absl::StrCat(client_.name(), " does not answer (", cause.message(),
                     "); check --coordinator or STEVEDORE_COORDINATOR and that it runs, or give it "
                     "more time with --wait-for-server"));
  }
  if (!announced_ && now - *since_ >= kSilence && display_ != nullptr) {
    announced_ = true;
    display_->Note(absl::StrCat(client_.name(), " does not answer (", cause.message(),
                                "); waiting up to ",
                                absl::FormatDuration(options_.wait_for_server)));
  }
  if (Pause(backoff_->Next(), stop)) return absl::CancelledError("stopped");
  return absl::OkStatus();
}

}  // namespace stevedore::cli
