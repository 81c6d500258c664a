#include "cli/follow.h"

#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// Waits for `duration` or a stop request; true if stopped.
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

// Counts how long a coordinator has been away and paces the attempts to reach it.
class Patience {
 public:
  Patience(const BuildClient& client, const FollowOptions& options, ProgressDisplay* display)
      : client_(client), options_(options), display_(display) {}

  // After an answer.
  void Reset() {
    if (since_.has_value() && announced_ && display_ != nullptr) {
      display_->Note(absl::StrCat(client_.name(), " answers again"));
    }
    since_.reset();
    announced_ = false;
    backoff_.reset();
  }

  // After an UNAVAILABLE: waits before the next attempt. The error to end with when it is time to
  // give up.
  absl::Status Wait(const absl::Status& cause, std::stop_token stop) {
    const absl::Duration now = base::Clock::System().SinceBoot();
    if (!since_.has_value()) {
      since_ = now;
      backoff_.emplace(options_.first_retry, options_.longest_retry,
                       static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
    }
    if (now - *since_ >= options_.wait_for_server) {
      return absl::UnavailableError(absl::StrCat(
          client_.name(), " does not answer (", cause.message(),
          "); check --coordinator or STEVEDORE_COORDINATOR and that it runs, or give it more time ",
          "with --wait-for-server"));
    }
    if (!announced_ && now - *since_ >= absl::Seconds(1) && display_ != nullptr) {
      announced_ = true;
      display_->Note(absl::StrCat(client_.name(), " does not answer (", cause.message(),
                                  "); waiting up to ",
                                  absl::FormatDuration(options_.wait_for_server)));
    }
    if (Pause(backoff_->Next(), stop)) return absl::CancelledError("stopped");
    return absl::OkStatus();
  }

 private:
  const BuildClient& client_;
  const FollowOptions& options_;
  ProgressDisplay* const display_;
  std::optional<absl::Duration> since_;
  std::optional<base::Backoff> backoff_;
  bool announced_ = false;
};

// Ends waits of `Follow` once a cancelled build has had its time.
class Follower {
 public:
  Follower(BuildClient& client, std::string build_id, const coordinator::Submission* submission,
           const FollowOptions& options, ProgressDisplay* display)
      : client_(client),
        build_id_(std::move(build_id)),
        submission_(submission),
        options_(options),
        display_(display),
        patience_(client, options, display) {}

  absl::StatusOr<BuildView> Run(std::stop_token stop) {
    absl::Status status = WatchToEnd(stop);
    if (status.ok()) return tracker_.view();
    if (!stop.stop_requested()) return status;
    if (!options_.cancel_on_stop)
      return absl::CancelledError("stopped watching; the build goes on");
    return CancelAndWait();
  }

 private:
  absl::Status WatchToEnd(std::stop_token stop) {
    bool resubmitted = false;
    while (true) {
      const absl::Status status = client_.WatchBuild(
          build_id_, resume_id_,
          [this, &resubmitted](const v1::WatchBuildResponse& response) {
            resubmitted = false;
            Receive(response);
          },
          stop);
      if (tracker_.view().ended() && status.ok()) return absl::OkStatus();
      if (stop.stop_requested()) return absl::CancelledError("stopped");
      if (absl::IsNotFound(status) && submission_ != nullptr && !resubmitted) {
        RETURN_IF_ERROR(Resubmit(stop));
        resubmitted = true;
      } else if (status.ok() || absl::IsUnavailable(status) || absl::IsCancelled(status) ||
                 absl::IsInternal(status) || absl::IsUnknown(status)) {
        // A dying coordinator can also show as CANCELLED, INTERNAL (broken frames) or a clean end.
        RETURN_IF_ERROR(patience_.Wait(status, stop));
      } else {
        return status;
      }
    }
  }

  void Receive(const v1::WatchBuildResponse& response) {
    if (response.term() < term_) return;  // A deposed leader still talks.
    term_ = response.term();
    patience_.Reset();
    resume_id_ = response.resume_id();
    const std::vector<size_t> changed = tracker_.Apply(response);
    if (display_ != nullptr) display_->Update(tracker_.view(), changed);
  }

  absl::Status Resubmit(std::stop_token stop) {
    if (display_ != nullptr) {
      display_->Note(absl::StrCat(client_.name(), " has forgotten build ", build_id_,
                                  "; submitting it again"));
    }
    ASSIGN_OR_RETURN(build_id_,
                     SubmitWithPatience(client_, *submission_, options_, display_, stop));
    resume_id_.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<BuildView> CancelAndWait() {
    const absl::Time deadline = absl::Now() + options_.cancel_wait;
    // Ends the last watch even if nothing comes any more.
    std::stop_source time_out;
    std::jthread timer([this, &time_out](std::stop_token over) {
      if (!Pause(options_.cancel_wait, over)) time_out.request_stop();
    });
    base::Backoff backoff(options_.first_retry, options_.longest_retry, 1);
    absl::Status status;
    do {
      status = client_.CancelBuild(build_id_, "stopped by the user").status();
    } while (absl::IsUnavailable(status) && absl::Now() < deadline &&
             !Pause(backoff.Next(), time_out.get_token()));
    if (absl::IsFailedPrecondition(status) && display_ != nullptr) {
      display_->Note(absl::StrCat("too late to cancel: ", status.message()));
    } else if (!status.ok()) {
      return absl::CancelledError(absl::StrCat("build ", build_id_, " could not be cancelled (",
                                               status.message(), "); it may still run"));
    }
    status = WatchToEnd(time_out.get_token());
    timer.request_stop();
    if (!status.ok()) {
      return absl::CancelledError(absl::StrCat("build ", build_id_,
                                               " was told to stop but has not ended yet; see ",
                                               "`stevedore-cli watch ", build_id_, "`"));
    }
    return tracker_.view();
  }

  BuildClient& client_;
  std::string build_id_;
  const coordinator::Submission* const submission_;
  const FollowOptions& options_;
  ProgressDisplay* const display_;
  Patience patience_;
  BuildTracker tracker_;
  std::string resume_id_;
  int64_t term_ = 0;
};

}  // namespace

absl::StatusOr<std::string> SubmitWithPatience(BuildClient& client,
                                               const coordinator::Submission& submission,
                                               const FollowOptions& options,
                                               ProgressDisplay* display, std::stop_token stop) {
  Patience patience(client, options, display);
  while (true) {
    absl::StatusOr<v1::SubmitBuildResponse> response = client.SubmitBuild(submission);
    if (response.ok()) {
      patience.Reset();
      return response->build_id();
    }
    if (!absl::IsUnavailable(response.status()) && !absl::IsAborted(response.status())) {
      return response.status();
    }
    RETURN_IF_ERROR(patience.Wait(response.status(), stop));
  }
}

absl::StatusOr<BuildView> Follow(BuildClient& client, std::string build_id,
                                 const coordinator::Submission* submission,
                                 const FollowOptions& options, ProgressDisplay* display,
                                 std::stop_token stop) {
  return Follower(client, std::move(build_id), submission, options, display).Run(stop);
}

}  // namespace stevedore::cli
