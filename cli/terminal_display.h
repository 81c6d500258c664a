// Progress for a person at a terminal.

#ifndef STEVEDORE_CLI_TERMINAL_DISPLAY_H_
#define STEVEDORE_CLI_TERMINAL_DISPLAY_H_

#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "cli/console.h"
#include "cli/progress_display.h"

namespace stevedore::cli {

// Keeps one line per running image at the bottom of the screen (state, phase, bytes, elapsed,
// estimate) and a line of counts under them; what has ended scrolls above. Redraws ten times a
// second from a thread of its own. The terminal's size is asked for at every redraw, so a resize
// (lines that the terminal wrapped included) is right one frame later. Thread-safe.
class TerminalDisplay final : public ProgressDisplay {
 public:
  // `console` and `clock` must outlive the display.
  TerminalDisplay(Console* console, const base::Clock* clock);
  ~TerminalDisplay() override;

  void Update(const BuildView& build, const std::vector<size_t>& changed) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Note(absl::string_view text) override ABSL_LOCKS_EXCLUDED(mu_);
  void Finish(const BuildView& build) override ABSL_LOCKS_EXCLUDED(mu_);

  // Draws the live lines anew now. Called by the display's thread; public for tests.
  void Redraw() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // What one live line shows.
  struct Line {
    std::string label;
    std::string phase;
    std::string worker;
    int64_t done_bytes = 0;
    int64_t total_bytes = 0;
    absl::Time start;
    absl::Duration estimate;
    int attempts = 0;
  };

  void RunTicks(std::stop_token stop);
  std::string Erase() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Live() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string LiveLine(const Line& line, int label_width) const;
  std::string CountsLine() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Draw(const std::string& above) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Console* const console_;
  const base::Clock* const clock_;

  base::Mutex mu_;
  std::vector<Line> running_ ABSL_GUARDED_BY(mu_);
  BuildView build_ ABSL_GUARDED_BY(mu_);              // Without tasks.
  std::vector<bool> announced_ ABSL_GUARDED_BY(mu_);  // By position: its last line was printed.
  std::vector<int> drawn_ ABSL_GUARDED_BY(mu_);       // Width of each live line on the screen.
  size_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
  size_t queued_ ABSL_GUARDED_BY(mu_) = 0;
  size_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  size_t total_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  base::CondVar changed_;
  std::jthread ticker_;  // Last: joined before the rest goes.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_TERMINAL_DISPLAY_H_
