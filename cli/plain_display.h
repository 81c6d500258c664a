// Progress for files and programs: plain lines, JSON lines, or nearly nothing.

#ifndef STEVEDORE_CLI_PLAIN_DISPLAY_H_
#define STEVEDORE_CLI_PLAIN_DISPLAY_H_

#include <vector>

#include "cli/console.h"
#include "cli/progress_display.h"

namespace stevedore::cli {

// One line on standard error per change of a task's state; the summary table on standard output.
class PlainDisplay final : public ProgressDisplay {
 public:
  explicit PlainDisplay(Console* console) : console_(console) {}
  void Update(const BuildView& build, const std::vector<size_t>& changed) override;
  void Note(absl::string_view text) override;
  void Finish(const BuildView& build) override;

 private:
  Console* const console_;
  std::vector<TaskView::State> shown_;  // By position: the state of the last printed line.
};

// One JSON object per line on standard output: {"type":"task"|"note"|"build", ...}. Times are RFC
// 3339, sizes bytes.
class JsonDisplay final : public ProgressDisplay {
 public:
  explicit JsonDisplay(Console* console) : console_(console) {}
  void Update(const BuildView& build, const std::vector<size_t>& changed) override;
  void Note(absl::string_view text) override;
  void Finish(const BuildView& build) override;

 private:
  Console* const console_;
};

// Nothing but failures on standard error and, at the end, `reference@digest` of each image on
// standard output.
class QuietDisplay final : public ProgressDisplay {
 public:
  explicit QuietDisplay(Console* console) : console_(console) {}
  void Update(const BuildView&, const std::vector<size_t>&) override {}
  void Note(absl::string_view) override {}
  void Finish(const BuildView& build) override;

 private:
  Console* const console_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PLAIN_DISPLAY_H_
