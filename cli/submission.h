// From a selection to what a coordinator is sent.

#ifndef STEVEDORE_CLI_SUBMISSION_H_
#define STEVEDORE_CLI_SUBMISSION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/context_memory.h"
#include "cli/contexts.h"
#include "cli/external_parents.h"

namespace stevedore::coordinator {
struct Submission;
}  // namespace stevedore::coordinator

namespace stevedore::cli {

// What a submission says beside the images.
struct SubmissionOptions {
  std::vector<std::string> targets;
  bool push_tags = false;
  bool detach = false;
  bool no_cache = false;
  int priority = 0;
  int retry_failed = 0;
};

// The submission of `selected`, with a request id of its own. References become full ones, contexts
// carry the digests of `trees` and, by
// `memory`, what changed in them. INVALID_ARGUMENT for a reference or context that cannot be sent.
absl::StatusOr<coordinator::Submission> MakeSubmission(const SelectionWithParents& selected,
                                                       const ContextTrees& trees,
                                                       const ContextMemory& memory,
                                                       const SubmissionOptions& options);

// "user@host", or the CI job where the environment names one: for lists of builds.
std::string SubmitterName();

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_SUBMISSION_H_
