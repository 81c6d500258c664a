// What a submission would do.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/scheduler.h"
#include "coordinator/task_inputs.h"

namespace stevedore::coordinator {
namespace {

// Below this, starting another worker takes longer than the work it would take over.
constexpr double kShortestUseSeconds = 60;

void SetSeconds(double seconds, google::protobuf::Duration* duration) {
  duration->set_seconds(static_cast<int64_t>(seconds));
  duration->set_nanos(static_cast<int>(std::fmod(seconds, 1.0) * 1e9));
}

// How long the tasks that run would take, one by one and together.
void EstimatePlan(const Build& build, const std::vector<bool>& runs,
                  std::vector<v1::PlanBuildResponse::Task>& plans,
                  v1::PlanBuildResponse& response) {
  // When one task has neither estimate nor guess, none has: then tasks are counted.
  const bool in_seconds = std::any_of(build.tasks.begin(), build.tasks.end(), [](const Task& task) {
    return task.estimate_seconds > 0 || task.guessed_seconds > 0;
  });
  std::vector<double> lengths(build.tasks.size(), 0);
  double work = 0;
  int guessed = 0;
  for (size_t t = 0; t < runs.size(); ++t) {
    if (!runs[t]) continue;
    const Task& task = build.tasks[t];
    const bool is_guess = task.estimate_seconds <= 0;
    guessed += is_guess;
    const double seconds = is_guess ? task.guessed_seconds : task.estimate_seconds;
    lengths[t] = in_seconds ? seconds : 1;
    work += lengths[t];
    if (!in_seconds) continue;
    SetSeconds(seconds, plans[t].mutable_estimate());
    plans[t].set_estimate_is_guess(is_guess);
  }
  const std::vector<double> remaining = build.plan->RemainingDurations(lengths);
  const double longest =
      remaining.empty() ? 0 : *std::max_element(remaining.begin(), remaining.end());
  response.set_guessed_count(guessed);
  response.set_average_parallelism(longest > 0 ? work / longest : 0);
  if (longest <= 0) return;
  const double shortest = in_seconds ? std::max(longest, kShortestUseSeconds) : longest;
  response.set_useful_workers(static_cast<int>(std::ceil(work / shortest)));
  if (!in_seconds) return;
  SetSeconds(longest, response.mutable_makespan());
  SetSeconds(work, response.mutable_work());
}

}  // namespace

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
    if (causes.empty() && !AlwaysRuns(build, task)) {
      plan->set_action(PlannedTask::ACTION_BUILD_IF_PARENT_CHANGES);
    }
  } else if (!AlwaysRuns(build, task)) {
    const std::string key = inputs->Key();
    if (const Result* result = knowledge_.FindResult(key);
        result != nullptr && knowledge_.PoisonOf(key, now).empty()) {
      plan->set_action(PlannedTask::ACTION_REUSE);
      plan->set_digest(result->manifest.digest());
      return;
    }
  }
  if (AlwaysRuns(build, task) && causes.empty()) causes.push_back(CauseOfRunning(build, task));
  for (std::string& cause : causes) plan->add_causes(std::move(cause));
}

v1::PlanBuildResponse Scheduler::Plan(Build& build, absl::Time now) {
  v1::PlanBuildResponse response;
  std::vector<v1::PlanBuildResponse::Task> plans(build.tasks.size());
  Prioritise(build);
  std::vector<bool> runs(build.tasks.size(), false);
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
    runs[t] = plan.action() == v1::PlanBuildResponse::Task::ACTION_BUILD ||
              plan.action() == v1::PlanBuildResponse::Task::ACTION_BUILD_IF_PARENT_CHANGES;
  }
  EstimatePlan(build, runs, plans, response);
  for (const graph::Plan::Index t : build.plan->topological_order()) {
    *response.add_tasks() = std::move(plans[t]);
  }
  return response;
}

}  // namespace stevedore::coordinator
