// Shows a build while it runs and what came of it.

#ifndef STEVEDORE_CLI_PROGRESS_DISPLAY_H_
#define STEVEDORE_CLI_PROGRESS_DISPLAY_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "cli/build_view.h"
#include "cli/console.h"

namespace stevedore::cli {

// Receives every state of one build. Called from one thread; implementations may draw from one of
// their own.
class ProgressDisplay {
 public:
  virtual ~ProgressDisplay() = default;

  // The build now looks like `build`; the tasks at positions `changed` differ visibly from the last
  // call.
  virtual void Update(const BuildView& build, const std::vector<size_t>& changed) = 0;

  // Says something that is no state of a task, e.g. that the coordinator does not answer.
  virtual void Note(absl::string_view text) = 0;

  // The build has ended, or nobody will look any more: shows the result. Called once, last.
  virtual void Finish(const BuildView& build) = 0;
};

// How progress is shown: one value of `--progress`.
enum class ProgressStyle { kAuto, kTty, kPlain, kJson, kQuiet };

// Parses "auto", "tty", "plain", "json", "quiet"; INVALID_ARGUMENT names them.
absl::StatusOr<ProgressStyle> ParseProgressStyle(absl::string_view text);

// The style to use while logs are printed: what redraws lines becomes kPlain.
ProgressStyle StyleBesideLogs(ProgressStyle style);

// The display of a style. `kAuto` is `kTty` on an interactive console and `kPlain` elsewhere.
// `console` and `clock` must outlive it.
std::unique_ptr<ProgressDisplay> CreateProgressDisplay(ProgressStyle style, Console* console,
                                                       const base::Clock* clock);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PROGRESS_DISPLAY_H_
