// What is said when a build has ended.

#ifndef STEVEDORE_CLI_SUMMARY_H_
#define STEVEDORE_CLI_SUMMARY_H_

#include <string>

#include "cli/build_view.h"

namespace stevedore::cli {

// One line for a task that has ended: "built web:1.0 sha256:… 3.4 MiB in 2.1s (new)". Without a
// line feed.
std::string TaskLine(const BuildView& build, const TaskView& task);

// The table of results: image, state, digest, size, time, cause. Above `kSummaryRows` images, those
// that were reused are counted instead of listed.
inline constexpr size_t kSummaryRows = 60;
std::string SummaryTable(const BuildView& build);

// One line with the counts and the time of the whole build.
std::string SummaryLine(const BuildView& build);

// Every failure with its message and the end of its log, each root cause once; what was skipped
// names the ancestor; tags that did not move. Empty if nothing failed.
std::string FailureReport(const BuildView& build);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_SUMMARY_H_
