// What is known about a running build, as plain values for displays.

#ifndef STEVEDORE_CLI_BUILD_VIEW_H_
#define STEVEDORE_CLI_BUILD_VIEW_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/exit_code.h"

namespace stevedore::v1 {
class BuildStatus;
class TaskStatus;
class WatchBuildResponse;
}  // namespace stevedore::v1

namespace stevedore::cli {

// One image on one platform.
struct TaskView {
  enum class State {
    kWaiting,
    kQueued,
    kRunning,
    kSucceeded,
    kReused,
    kFailed,
    kSkipped,
    kCancelled,
  };
  std::string image;  // Id, "name:version".
  std::string platform;
  std::string reference;
  State state = State::kWaiting;
  std::string phase;
  int64_t done_bytes = 0;
  int64_t total_bytes = 0;  // 0: not known.
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfinitePast();
  absl::Duration estimate;  // 0: not known.
  std::string worker;
  int attempts = 0;
  std::string digest;
  int64_t image_bytes = 0;
  std::vector<std::string> causes;
  std::string error;
  bool infrastructure = false;  // The failure is not the recipe's.
  std::string skipped_by;
  std::string log_tail;

  bool ended() const { return state >= State::kSucceeded; }
};

// One reference that a commit run moved or failed to move.
struct TagView {
  std::string reference;
  std::string digest;
  bool moved = false;
  bool unchanged = false;
  bool superseded = false;
  std::string error;
};

// The build as a whole.
struct BuildView {
  enum class State { kRunning, kCommitting, kSucceeded, kFailed, kCancelling, kCancelled };
  std::string id;
  State state = State::kRunning;
  std::string submitter;
  std::vector<std::string> targets;
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfinitePast();
  int task_count = 0;
  int succeeded = 0;
  int reused = 0;
  int failed = 0;
  int skipped = 0;
  int cancelled = 0;
  std::string error;
  bool infrastructure = false;
  std::vector<TagView> tags;
  std::vector<TaskView> tasks;  // In order of first appearance.
  // Whether labels need the platform to be told apart.
  bool several_platforms = false;

  bool ended() const {
    return state == State::kSucceeded || state == State::kFailed || state == State::kCancelled;
  }
};

// Lower-case words as displays and JSON show them.
absl::string_view StateName(TaskView::State state);
absl::string_view StateName(BuildView::State state);

// "name:version", with " (platform)" behind if the build has several platforms of that image.
std::string TaskLabel(const BuildView& build, const TaskView& task);

// The exit code of an ended build.
ExitCode ExitCodeOf(const BuildView& build);

// Replaces what `build` says about the build as a whole (not `tasks`).
void ReadBuildStatus(const v1::BuildStatus& status, BuildView& build);

// The view of one task.
TaskView ReadTaskStatus(const v1::TaskStatus& status);

// Keeps a BuildView up to date from what WatchBuild sends. Not thread-safe.
class BuildTracker {
 public:
  // Gives tasks their places in `view().tasks` before anything is known of them, in the order of
  // the calls: a coordinator tells them in the order in which they change.
  void Expect(const std::string& image, const std::string& platform);

  // Takes one response over; returns the positions in `view().tasks` whose state, phase or result
  // changed.
  std::vector<size_t> Apply(const v1::WatchBuildResponse& response);

  const BuildView& view() const { return view_; }

 private:
  BuildView view_;
  std::map<std::pair<std::string, std::string>, size_t> positions_;  // By image and platform.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_BUILD_VIEW_H_
