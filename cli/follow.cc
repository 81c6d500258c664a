#include "cli/follow.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/status.h"
#include "cli/live_logs.h"
#include "cli/patience.h"
#include "coordinator/submission.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// One call of Follow.
class Follower {
 public:
  Follower(BuildClient& client, std::string build_id, const coordinator::Submission* submission,
           const FollowOptions& options, ProgressDisplay* display)
      : client_(client),
        build_id_(std::move(build_id)),
        submission_(submission),
        options_(options),
        display_(display),
        patience_(client, options, display) {
    if (submission == nullptr) return;
    for (const v1::Image& image : submission->images) {
      for (const std::string& platform : image.platforms()) tracker_.Expect(image.id(), platform);
    }
  }

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
    if (options_.logs == nullptr) return;
    for (const size_t position : changed) {
      const TaskView& task = tracker_.view().tasks[position];
      // Also before it runs: who asks only then may come too late for a short log. A task that is
      // skipped or reused has an empty one.
      options_.logs->Show(build_id_, task.image, task.platform);
    }
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
