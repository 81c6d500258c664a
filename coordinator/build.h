// Builds and their tasks as the scheduler keeps them.

#ifndef STEVEDORE_COORDINATOR_BUILD_H_
#define STEVEDORE_COORDINATOR_BUILD_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/submission.h"
#include "graph/plan.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::coordinator {

struct Run;

// One image on one platform in one build. A plain value; the scheduler changes it.
struct Task {
  int image = 0;  // Index in Build::images.
  std::string platform;
  // One per Image.parents: index of a task of the same platform, or -1 - n for external image n of
  // the header.
  std::vector<int> parents;

  v1::TaskState state = v1::TASK_STATE_WAITING;
  std::string build_key;
  std::string inputs;  // Serialised graph::BuildKeyInputs, until the task has ended.
  Run* run = nullptr;
  // Longest way to the end of the build, itself included, by estimates.
  double remaining_seconds = 0;
  double estimate_seconds = 0;  // 0: nothing known.
  double guessed_seconds = 0;   // Without estimate: by its siblings, else all images. 0: no idea.

  v1::ManifestResult result;
  std::vector<std::string> causes;
  std::string error;
  v1::FailureClass failure_class = v1::FAILURE_CLASS_UNSPECIFIED;
  std::string log_tail;
  int64_t log_bytes = 0;  // Length of the whole log, of which `log_tail` is the end.
  std::string worker_name;
  std::string phase;
  int64_t done_bytes = 0;
  int64_t total_bytes = 0;
  int attempt_count = 0;
  int skipped_by = -1;  // Task index of the ancestor that failed.
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfinitePast();
  // It was built again because its manifest had vanished; that is done once.
  bool rebuilt = false;

  int64_t version = 0;  // Build::version at its last change.
  std::list<int>::iterator change;
};

// True if nothing happens to a task in this state any more.
inline bool IsOver(v1::TaskState state) { return state >= v1::TASK_STATE_SUCCEEDED; }
inline bool IsOver(v1::BuildState state) {
  return state == v1::BUILD_STATE_SUCCEEDED || state == v1::BUILD_STATE_FAILED ||
         state == v1::BUILD_STATE_CANCELLED;
}

// One submitted build. A plain value; the scheduler changes it.
struct Build {
  // Checks a submission and makes tasks of it: all waiting, none ready yet. INVALID_ARGUMENT naming
  // the image: cycle, unknown parent, platform that a parent lacks, two images with one id or one
  // tag, nothing to build. RESOURCE_EXHAUSTED: more than `task_limit` tasks. Pure; thread-safe.
  static absl::StatusOr<std::unique_ptr<Build>> Create(Submission submission, int task_limit);

  // Where a task is shown: "web:1.0" or, if the image has several platforms, "web:1.0
  // (linux/arm64)".
  std::string TaskName(int task) const;

  // The "sha256:..." manifest of parent `parent` (index in Image.parents) of `task`; empty while it
  // is not known.
  const std::string& ParentDigest(const Task& task, int parent) const;

  // Marks a task (or, with -1, only the build) as changed, for watchers.
  void Touch(int task);

  v1::BuildStatus Status(bool with_tags) const;
  v1::TaskStatus StatusOf(int task) const;

  std::string id;
  v1::SubmitBuildRequest::Header header;
  std::vector<v1::Image> images;
  std::vector<Task> tasks;
  // Which task may run when; indexes are those of `tasks`. Set by Create.
  std::optional<graph::Plan> plan;

  int64_t submission = 0;  // Later builds have greater numbers.
  v1::BuildState state = v1::BUILD_STATE_RUNNING;
  absl::Time create_time = absl::InfinitePast();
  absl::Time end_time = absl::InfinitePast();
  std::string error;
  v1::FailureClass failure_class = v1::FAILURE_CLASS_UNSPECIFIED;
  std::vector<v1::TagStatus> tags;
  int over_count[9] = {};  // Tasks by TaskState, terminal ones only.
  int over = 0;            // Their sum.
  int open_commits = 0;    // Commit runs that have not ended.

  double weight = 1;
  std::map<int, int> slots_in_use;  // By platform number.
  absl::Duration last_watched;      // Lease clock.
  int64_t version = 0;
  std::list<int> changes;  // Task indexes, latest change last.
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_BUILD_H_
