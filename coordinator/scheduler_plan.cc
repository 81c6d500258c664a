// What a submission would do.

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/scheduler.h"
#include "coordinator/task_inputs.h"

namespace stevedore::coordinator {

void Scheduler::PlanTask(const Build& build, const Task& task, bool parents_known,
                         v1::PlanBuildResponse::Task* plan, absl::Time now) {
  using PlannedTask = v1::PlanBuildResponse::Task;
  const v1::Image& image = build.images[task.image];
  if (image.driver() == "none") {
    plan->set_action(PlannedTask::ACTION_NONE);
    return;
  }
  plan->set_action(PlannedTask::ACTION_BUILD);
  const absl::StatusOr<graph::BuildKeyInputs> inputs = InputsOf(build, task);
  if (!inputs.ok()) return;
  const Statistics* before = knowledge_.FindStatistics(Knowledge::NameOf(build, task));
  std::vector<std::string> causes =
      CausesOf(before == nullptr ? "" : before->inputs, *inputs, image);
  if (!parents_known) {
    // Parents that will be built differ from before for now; whether they do is not known.
    for (int i = 0; i < image.parents_size(); ++i) {
      if (!build.ParentDigest(task, i).empty()) continue;
      std::erase_if(causes, [&](const std::string& cause) {
        return absl::StartsWith(cause, absl::StrCat("parent ", image.parents(i), " "));
      });
    }
    if (causes.empty() && !build.header.no_cache()) {
      plan->set_action(PlannedTask::ACTION_BUILD_IF_PARENT_CHANGES);
    }
  } else if (!build.header.no_cache()) {
    const std::string key = inputs->Key();
    if (const Result* result = knowledge_.FindResult(key);
        result != nullptr && knowledge_.PoisonOf(key, now).empty()) {
      plan->set_action(PlannedTask::ACTION_REUSE);
      plan->set_digest(result->manifest.digest());
      return;
    }
  }
  if (build.header.no_cache() && causes.empty()) causes.push_back("no-cache");
  for (std::string& cause : causes) plan->add_causes(std::move(cause));
}

v1::PlanBuildResponse Scheduler::Plan(Build& build, absl::Time now) {
  v1::PlanBuildResponse response;
  std::vector<v1::PlanBuildResponse::Task> plans(build.tasks.size());
  Prioritise(build);
  const double median = knowledge_.MedianSeconds();
  std::vector<double> seconds(build.tasks.size(), 0);
  double work = 0;
  for (const graph::Plan::Index t : build.plan->topological_order()) {
    Task& task = build.tasks[t];
    const v1::Image& image = build.images[task.image];
    v1::PlanBuildResponse::Task& plan = plans[t];
    plan.set_image_id(image.id());
    plan.set_platform(task.platform);
    bool parents_known = true;
    for (int i = 0; i < image.parents_size(); ++i) {
      plan.add_parents(image.parents(i));
      if (build.ParentDigest(task, i).empty()) parents_known = false;
    }
    PlanTask(build, task, parents_known, &plan, now);
    // Children see the digest that a reused parent has.
    if (!plan.digest().empty()) task.result.set_digest(plan.digest());
    if (plan.action() != v1::PlanBuildResponse::Task::ACTION_BUILD &&
        plan.action() != v1::PlanBuildResponse::Task::ACTION_BUILD_IF_PARENT_CHANGES) {
      continue;
    }
    seconds[t] = task.estimate_seconds > 0 ? task.estimate_seconds : median;
    work += seconds[t];
    plan.mutable_estimate()->set_seconds(static_cast<int64_t>(seconds[t]));
    plan.mutable_estimate()->set_nanos(static_cast<int>(std::fmod(seconds[t], 1.0) * 1e9));
  }
  const std::vector<double> remaining = build.plan->RemainingDurations(seconds);
  const double makespan =
      remaining.empty() ? 0 : *std::max_element(remaining.begin(), remaining.end());
  response.mutable_makespan()->set_seconds(static_cast<int64_t>(makespan));
  response.mutable_makespan()->set_nanos(static_cast<int>(std::fmod(makespan, 1.0) * 1e9));
  response.set_average_parallelism(makespan > 0 ? work / makespan : 0);
  for (const graph::Plan::Index t : build.plan->topological_order()) {
    *response.add_tasks() = std::move(plans[t]);
  }
  return response;
}

}  // namespace stevedore::coordinator
