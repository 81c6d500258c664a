// What decides the bytes of a task.

#ifndef STEVEDORE_COORDINATOR_TASK_INPUTS_H_
#define STEVEDORE_COORDINATOR_TASK_INPUTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/build.h"
#include "graph/build_key.h"

namespace stevedore::coordinator {

// The inputs of `task`. A parent whose digest is not known yet has an empty one. INVALID_ARGUMENT:
// the options are not a JSON object. Pure; thread-safe.
absl::StatusOr<graph::BuildKeyInputs> InputsOf(const Build& build, const Task& task);

// Whether `task` is run whatever is known, by a run of its own: with --no-cache, and for playbooks,
// whose results depend on more than anybody knows. Pure; thread-safe.
bool AlwaysRuns(const Build& build, const Task& task);

// Why a task that AlwaysRuns does, for people. Pure; thread-safe.
std::string CauseOfRunning(const Build& build, const Task& task);

// What makes `now` differ from `before` (serialised inputs; empty: never built), for people.
// `image` adds the names of changed files. Pure; thread-safe.
std::vector<std::string> CausesOf(absl::string_view before, const graph::BuildKeyInputs& now,
                                  const v1::Image& image);

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_TASK_INPUTS_H_
