// Real image graphs as submissions.

#ifndef STEVEDORE_BENCH_SCHEDULER_GRAPH_FILE_H_
#define STEVEDORE_BENCH_SCHEDULER_GRAPH_FILE_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/submission.h"

namespace stevedore::bench {

// Reads `text` (see graphs/README.md) into images of driver sleep on `platforms`; nodes that `keep`
// refuses, and parents outside the set, are left out. INVALID_ARGUMENT naming a line without a tab.
absl::StatusOr<coordinator::Submission> SubmissionOfGraph(
    absl::string_view text, const std::vector<std::string>& platforms,
    absl::FunctionRef<bool(absl::string_view node)> keep);

}  // namespace stevedore::bench

#endif  // STEVEDORE_BENCH_SCHEDULER_GRAPH_FILE_H_
