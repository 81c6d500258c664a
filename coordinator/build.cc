#include "coordinator/build.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/build_key.h"

namespace stevedore::coordinator {
namespace {

using ImageIndex = absl::flat_hash_map<std::string, int>;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp.seconds()))));
  return timestamp;
}

absl::StatusOr<ImageIndex> IndexImages(const Build& build) {
  ImageIndex index;
  for (int i = 0; i < static_cast<int>(build.images.size()); ++i) {
    const v1::Image& image = build.images[i];
    if (image.id().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("image ", i + 1, " has no id"));
    }
    if (!index.emplace(image.id(), i).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("image ", image.id(), " was sent twice; an id names one image of a build"));
    }
    if (image.platforms().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "image ", image.id(), " has no platform; give at least one, like linux/amd64"));
    }
    if (image.driver().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("image ", image.id(), " names no driver that builds it"));
    }
    if (!image.options_json().empty()) {
      graph::BuildKeyInputs inputs;
      RETURN_IF_ERROR(inputs.SetOptions(image.options_json()), "image ", image.id());
    }
  }
  return index;
}

// Two images with one explicit tag would move it back and forth.
absl::Status CheckTags(const Build& build) {
  absl::flat_hash_map<std::string, int> owner;
  for (int i = 0; i < static_cast<int>(build.images.size()); ++i) {
    const v1::Image& image = build.images[i];
    const auto check = [&](const std::string& tag) -> absl::Status {
      if (tag.empty()) return absl::OkStatus();
      const auto [it, added] = owner.emplace(tag, i);
      if (added || it->second == i) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("images ", build.images[it->second].id(), " and ", image.id(),
                       " would both be tagged ", tag, "; give one of them another name or tag"));
    };
    RETURN_IF_ERROR(check(image.reference()));
    for (const std::string& tag : image.tags()) RETURN_IF_ERROR(check(tag));
  }
  return absl::OkStatus();
}

absl::Status AddTasks(Build& build, int task_limit) {
  for (int i = 0; i < static_cast<int>(build.images.size()); ++i) {
    for (const std::string& platform : build.images[i].platforms()) {
      Task& task = build.tasks.emplace_back();
      task.image = i;
      task.platform = platform;
    }
  }
  if (build.tasks.size() > static_cast<size_t>(task_limit)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the build has ", build.tasks.size(), " tasks, but ", task_limit,
                     " is the most this coordinator takes; submit parts of the graph"));
  }
  return absl::OkStatus();
}

absl::Status PlatformMissing(const std::string& image, const std::string& platform,
                             const std::string& parent) {
  return absl::InvalidArgumentError(
      absl::StrCat("image ", image, " is built for ", platform, ", but its parent ", parent,
                   " is not; add the platform to ", parent, " or remove it from ", image));
}

absl::Status ConnectParents(Build& build, const ImageIndex& index) {
  // First task of each image; its platforms follow in order.
  std::vector<int> first(build.images.size(), 0);
  for (int t = static_cast<int>(build.tasks.size()) - 1; t >= 0; --t) {
    first[build.tasks[t].image] = t;
  }
  absl::flat_hash_map<std::string, int> external;
  for (int i = 0; i < build.header.external_images_size(); ++i) {
    external[build.header.external_images(i).id()] = i;
  }
  for (int t = 0; t < static_cast<int>(build.tasks.size()); ++t) {
    Task& task = build.tasks[t];
    const v1::Image& image = build.images[task.image];
    for (const std::string& parent : image.parents()) {
      if (const auto it = index.find(parent); it != index.end()) {
        const auto& platforms = build.images[it->second].platforms();
        const auto at = std::find(platforms.begin(), platforms.end(), task.platform);
        if (at == platforms.end()) return PlatformMissing(image.id(), task.platform, parent);
        task.parents.push_back(first[it->second] + static_cast<int>(at - platforms.begin()));
        continue;
      }
      const auto it = external.find(parent);
      if (it == external.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "image ", image.id(), " builds on ", parent,
            ", which is neither part of this build nor one of its external images; add it"));
      }
      if (!build.header.external_images(it->second).manifests().contains(task.platform)) {
        return PlatformMissing(image.id(), task.platform, parent);
      }
      task.parents.push_back(-1 - it->second);
    }
  }
  return absl::OkStatus();
}

absl::Status MakePlan(Build& build) {
  std::vector<std::vector<graph::Plan::Index>> parents(build.tasks.size());
  for (size_t t = 0; t < build.tasks.size(); ++t) {
    for (const int parent : build.tasks[t].parents) {
      if (parent >= 0) parents[t].push_back(parent);
    }
  }
  ASSIGN_OR_RETURN(build.plan,
                   graph::Plan::Create(parents, [&](int t) { return build.TaskName(t); }));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Build>> Build::Create(Submission submission, int task_limit) {
  auto build = std::make_unique<Build>();
  build->header = std::move(submission.header);
  build->images = std::move(submission.images);
  if (build->images.empty()) return absl::InvalidArgumentError("the build has no images");
  if (build->header.request_id().empty()) {
    return absl::InvalidArgumentError("the build has no request id; choose a random one");
  }
  if (std::abs(build->header.priority()) > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("priority ", build->header.priority(), " is outside of -100 to 100"));
  }
  ASSIGN_OR_RETURN(const ImageIndex index, IndexImages(*build));
  RETURN_IF_ERROR(CheckTags(*build));
  RETURN_IF_ERROR(AddTasks(*build, task_limit));
  RETURN_IF_ERROR(ConnectParents(*build, index));
  RETURN_IF_ERROR(MakePlan(*build));
  build->weight = std::exp2(build->header.priority() / 10.0);
  for (int t = 0; t < static_cast<int>(build->tasks.size()); ++t) {
    build->changes.push_back(t);
    build->tasks[t].change = std::prev(build->changes.end());
    build->tasks[t].version = ++build->version;
  }
  return build;
}

std::string Build::TaskName(int task) const {
  const v1::Image& image = images[tasks[task].image];
  if (image.platforms_size() == 1) return image.id();
  return absl::StrCat(image.id(), " (", tasks[task].platform, ")");
}

const std::string& Build::ParentDigest(const Task& task, int parent) const {
  const int index = task.parents[parent];
  if (index >= 0) return tasks[index].result.digest();
  return header.external_images(-1 - index).manifests().at(task.platform);
}

void Build::Touch(int task) {
  ++version;
  if (task < 0) return;
  tasks[task].version = version;
  changes.splice(changes.end(), changes, tasks[task].change);
}

v1::BuildStatus Build::Status(bool with_tags) const {
  v1::BuildStatus status;
  status.set_build_id(id);
  status.set_state(state);
  status.set_submitter(header.submitter());
  *status.mutable_targets() = header.targets();
  *status.mutable_create_time() = ToTimestamp(create_time);
  if (IsOver(state)) *status.mutable_end_time() = ToTimestamp(end_time);
  status.set_task_count(static_cast<int>(tasks.size()));
  status.set_succeeded_count(over_count[v1::TASK_STATE_SUCCEEDED]);
  status.set_reused_count(over_count[v1::TASK_STATE_REUSED]);
  status.set_failed_count(over_count[v1::TASK_STATE_FAILED]);
  status.set_skipped_count(over_count[v1::TASK_STATE_SKIPPED]);
  status.set_cancelled_count(over_count[v1::TASK_STATE_CANCELLED]);
  status.set_error(error);
  status.set_failure_class(failure_class);
  if (with_tags) {
    for (const v1::TagStatus& tag : tags) *status.add_tags() = tag;
  }
  return status;
}

v1::TaskStatus Build::StatusOf(int index) const {
  const Task& task = tasks[index];
  const v1::Image& image = images[task.image];
  v1::TaskStatus status;
  status.set_image_id(image.id());
  status.set_platform(task.platform);
  status.set_state(task.state);
  status.set_reference(image.reference());
  if (!IsOver(task.state)) {
    status.set_phase(task.phase);
    status.set_done_bytes(task.done_bytes);
    status.set_total_bytes(task.total_bytes);
  }
  if (task.start != absl::InfinitePast()) *status.mutable_start_time() = ToTimestamp(task.start);
  if (task.end != absl::InfinitePast()) *status.mutable_end_time() = ToTimestamp(task.end);
  if (task.estimate_seconds > 0) {
    status.mutable_estimate()->set_seconds(static_cast<int64_t>(task.estimate_seconds));
    status.mutable_estimate()->set_nanos(
        static_cast<int>(std::fmod(task.estimate_seconds, 1.0) * 1e9));
  }
  status.set_worker_name(task.worker_name);
  status.set_attempt_count(task.attempt_count);
  if (!task.result.digest().empty()) *status.mutable_result() = task.result;
  for (const std::string& cause : task.causes) status.add_causes(cause);
  status.set_error(task.error);
  status.set_failure_class(task.failure_class);
  if (task.skipped_by >= 0) status.set_skipped_by(images[tasks[task.skipped_by].image].id());
  status.set_log_tail(task.log_tail);
  return status;
}

}  // namespace stevedore::coordinator
