#include "cli/build_view.h"

#include "absl/strings/str_cat.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

absl::Time ReadTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

TaskView::State ReadState(v1::TaskState state) {
  switch (state) {
    case v1::TASK_STATE_QUEUED:
      return TaskView::State::kQueued;
    case v1::TASK_STATE_RUNNING:
      return TaskView::State::kRunning;
    case v1::TASK_STATE_SUCCEEDED:
      return TaskView::State::kSucceeded;
    case v1::TASK_STATE_REUSED:
      return TaskView::State::kReused;
    case v1::TASK_STATE_FAILED:
      return TaskView::State::kFailed;
    case v1::TASK_STATE_SKIPPED:
      return TaskView::State::kSkipped;
    case v1::TASK_STATE_CANCELLED:
      return TaskView::State::kCancelled;
    default:
      return TaskView::State::kWaiting;
  }
}

BuildView::State ReadState(v1::BuildState state) {
  switch (state) {
    case v1::BUILD_STATE_COMMITTING:
      return BuildView::State::kCommitting;
    case v1::BUILD_STATE_SUCCEEDED:
      return BuildView::State::kSucceeded;
    case v1::BUILD_STATE_FAILED:
      return BuildView::State::kFailed;
    case v1::BUILD_STATE_CANCELLING:
      return BuildView::State::kCancelling;
    case v1::BUILD_STATE_CANCELLED:
      return BuildView::State::kCancelled;
    default:
      return BuildView::State::kRunning;
  }
}

bool ShownDifference(const TaskView& a, const TaskView& b) {
  return a.state != b.state || a.reference != b.reference || a.phase != b.phase ||
         a.attempts != b.attempts || a.digest != b.digest;
}

}  // namespace

absl::string_view StateName(TaskView::State state) {
  switch (state) {
    case TaskView::State::kWaiting:
      return "waiting";
    case TaskView::State::kQueued:
      return "queued";
    case TaskView::State::kRunning:
      return "running";
    case TaskView::State::kSucceeded:
      return "built";
    case TaskView::State::kReused:
      return "reused";
    case TaskView::State::kFailed:
      return "failed";
    case TaskView::State::kSkipped:
      return "skipped";
    case TaskView::State::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

absl::string_view StateName(BuildView::State state) {
  switch (state) {
    case BuildView::State::kRunning:
      return "running";
    case BuildView::State::kCommitting:
      return "committing";
    case BuildView::State::kSucceeded:
      return "succeeded";
    case BuildView::State::kFailed:
      return "failed";
    case BuildView::State::kCancelling:
      return "cancelling";
    case BuildView::State::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string TaskLabel(const BuildView& build, const TaskView& task) {
  return build.several_platforms ? absl::StrCat(task.image, " (", task.platform, ")") : task.image;
}

ExitCode ExitCodeOf(const BuildView& build) {
  if (build.state == BuildView::State::kSucceeded) return ExitCode::kOk;
  if (build.state == BuildView::State::kCancelled) return ExitCode::kCancelled;
  // One wrong recipe makes the whole a matter of recipes: repeating the command would not help.
  bool infrastructure = build.infrastructure;
  for (const TaskView& task : build.tasks) {
    if (task.state != TaskView::State::kFailed) continue;
    if (!task.infrastructure) return ExitCode::kFailed;
    infrastructure = true;
  }
  return infrastructure ? ExitCode::kInfrastructure : ExitCode::kFailed;
}

void ReadBuildStatus(const v1::BuildStatus& status, BuildView& build) {
  build.id = status.build_id();
  build.state = ReadState(status.state());
  build.submitter = status.submitter();
  build.targets.assign(status.targets().begin(), status.targets().end());
  if (status.has_create_time()) build.start = ReadTime(status.create_time());
  if (status.has_end_time()) build.end = ReadTime(status.end_time());
  build.task_count = status.task_count();
  build.succeeded = status.succeeded_count();
  build.reused = status.reused_count();
  build.failed = status.failed_count();
  build.skipped = status.skipped_count();
  build.cancelled = status.cancelled_count();
  build.error = status.error();
  build.infrastructure = status.failure_class() == v1::FAILURE_CLASS_INFRASTRUCTURE;
  build.tags.clear();
  for (const v1::TagStatus& tag : status.tags()) {
    TagView view;
    view.reference = tag.reference();
    view.digest = tag.digest();
    view.moved = tag.moved();
    view.unchanged = tag.unchanged();
    view.superseded = tag.superseded();
    view.error = tag.error();
    build.tags.push_back(std::move(view));
  }
}

TaskView ReadTaskStatus(const v1::TaskStatus& status) {
  TaskView task;
  task.image = status.image_id();
  task.platform = status.platform();
  task.reference = status.reference();
  task.state = ReadState(status.state());
  task.phase = status.phase();
  task.done_bytes = status.done_bytes();
  task.total_bytes = status.total_bytes();
  if (status.has_start_time()) task.start = ReadTime(status.start_time());
  if (status.has_end_time()) task.end = ReadTime(status.end_time());
  if (status.has_estimate()) {
    task.estimate =
        absl::Seconds(status.estimate().seconds()) + absl::Nanoseconds(status.estimate().nanos());
  }
  task.worker = status.worker_name();
  task.attempts = status.attempt_count();
  if (status.has_result()) {
    task.digest = status.result().digest();
    task.image_bytes = status.result().image_bytes();
  }
  task.causes.assign(status.causes().begin(), status.causes().end());
  task.error = status.error();
  task.infrastructure = status.failure_class() == v1::FAILURE_CLASS_INFRASTRUCTURE;
  task.skipped_by = status.skipped_by();
  task.log_tail = status.log_tail();
  return task;
}

void BuildTracker::Expect(const std::string& image, const std::string& platform) {
  const auto [it, added] = positions_.try_emplace({image, platform}, view_.tasks.size());
  if (!added) return;
  TaskView task;
  task.image = image;
  task.platform = platform;
  if (!view_.tasks.empty() && view_.tasks.front().platform != platform) {
    view_.several_platforms = true;
  }
  view_.tasks.push_back(std::move(task));
}

std::vector<size_t> BuildTracker::Apply(const v1::WatchBuildResponse& response) {
  if (response.has_build()) ReadBuildStatus(response.build(), view_);
  std::vector<size_t> changed;
  for (const v1::TaskStatus& status : response.tasks()) {
    TaskView task = ReadTaskStatus(status);
    Expect(task.image, task.platform);
    const size_t position = positions_.at({task.image, task.platform});
    TaskView& known = view_.tasks[position];
    if (ShownDifference(known, task)) changed.push_back(position);
    known = std::move(task);
  }
  return changed;
}

}  // namespace stevedore::cli
