#include "cli/terminal_display.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/summary.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

constexpr absl::Duration kFrame = absl::Milliseconds(100);
// Widest label column: longer names are cut, so that phases stay in sight on 80 columns.
constexpr int kLabelColumns = 32;
constexpr int kDefaultColumns = 80;
constexpr int kDefaultRows = 24;
// A line of 17,000 built images need not all scroll by: reused ones are only counted above this
// many.
constexpr size_t kScrolledReused = 60;

std::string Padded(absl::string_view text, int columns) {
  std::string cell = FitTo(text, columns);
  const int used = DisplayWidth(cell);
  if (used < columns) cell.append(columns - used, ' ');
  return cell;
}

std::string Bar(double part) {
  static constexpr int kCells = 10;
  const int full = static_cast<int>(std::clamp(part, 0.0, 1.0) * kCells + 0.5);
  return absl::StrCat("[", std::string(full, '#'), std::string(kCells - full, '.'), "]");
}

absl::string_view Colour(TaskView::State state) {
  switch (state) {
    case TaskView::State::kSucceeded:
      return "32";
    case TaskView::State::kReused:
      return "36";
    case TaskView::State::kFailed:
      return "31";
    default:
      return "33";
  }
}

}  // namespace

TerminalDisplay::TerminalDisplay(Console* console, const base::Clock* clock)
    : console_(console), clock_(clock), ticker_([this](std::stop_token stop) { RunTicks(stop); }) {}

TerminalDisplay::~TerminalDisplay() {
  {
    base::MutexLock lock(&mu_);
    // Left without an end (an error on the way): the live lines must not stay.
    if (!finished_) console_->Err(Erase());
    finished_ = true;
  }
  ticker_.request_stop();
  changed_.SignalAll();
}

void TerminalDisplay::RunTicks(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      base::MutexLock lock(&mu_);
      changed_.WaitFor(&mu_, kFrame);
      if (finished_) return;
    }
    Redraw();
  }
}

void TerminalDisplay::Redraw() {
  base::MutexLock lock(&mu_);
  if (!finished_) Draw("");
}

std::string TerminalDisplay::Erase() {
  // The terminal may have become narrower since: each old line now takes as many rows as it needs.
  const int width = console_->width() > 0 ? console_->width() : kDefaultColumns;
  int rows = 0;
  for (const int columns : drawn_) rows += std::max(1, (columns + width - 1) / width);
  drawn_.clear();
  if (rows == 0) return "";
  return absl::StrCat("\x1b[", rows, "A\r\x1b[J");
}

std::string TerminalDisplay::LiveLine(const Line& line, int label_width) const {
  const absl::Duration elapsed = std::max(clock_->Now() - line.start, absl::ZeroDuration());
  std::string time = FormatSeconds(elapsed);
  if (line.estimate > absl::ZeroDuration()) {
    absl::StrAppend(&time, " of ~", FormatSeconds(line.estimate));
  }
  // What matters most comes first: a narrow terminal cuts the end.
  std::string text =
      absl::StrCat("  ", Padded(line.label, label_width), "  ",
                   Padded(line.phase.empty() ? "starting" : line.phase, 9), "  ", Padded(time, 14));
  if (line.total_bytes > 0) {
    absl::StrAppend(&text, "  ", Bar(static_cast<double>(line.done_bytes) / line.total_bytes), " ",
                    FormatBytes(line.done_bytes), " / ", FormatBytes(line.total_bytes));
  } else if (line.done_bytes > 0) {
    absl::StrAppend(&text, "  ", FormatBytes(line.done_bytes));
  }
  if (line.attempts > 1) absl::StrAppend(&text, "  attempt ", line.attempts);
  if (!line.worker.empty()) absl::StrAppend(&text, "  ", line.worker);
  return text;
}

std::string TerminalDisplay::CountsLine() const {
  std::string text = absl::StrCat(StateName(build_.state), " ", ended_, "/", total_);
  if (!running_.empty()) absl::StrAppend(&text, ", ", running_.size(), " running");
  if (queued_ > 0) absl::StrAppend(&text, ", ", queued_, " queued");
  if (waiting_ > 0) absl::StrAppend(&text, ", ", waiting_, " waiting");
  if (build_.failed > 0) absl::StrAppend(&text, ", ", build_.failed, " failed");
  if (build_.start != absl::InfinitePast()) {
    absl::StrAppend(&text, "  ", FormatSeconds(clock_->Now() - build_.start));
  }
  return text;
}

std::string TerminalDisplay::Live() {
  const int width = console_->width() > 0 ? console_->width() : kDefaultColumns;
  const int height = console_->height() > 0 ? console_->height() : kDefaultRows;
  // One row less than there are: the cursor stands on a row of its own, and nothing may scroll
  // while redrawing.
  const size_t room = static_cast<size_t>(std::max(height - 3, 1));
  int label_width = 0;
  for (const Line& line : running_) label_width = std::max(label_width, DisplayWidth(line.label));
  label_width = std::min({label_width, kLabelColumns, std::max(width / 2, 8)});
  std::vector<std::string> lines;
  for (const Line& line : running_) {
    if (lines.size() == room && running_.size() > room) {
      lines.back() = absl::StrCat("  and ", running_.size() - room + 1, " more");
      break;
    }
    lines.push_back(LiveLine(line, label_width));
  }
  lines.push_back(CountsLine());
  std::string text;
  for (const std::string& line : lines) {
    // The last column stays free: some terminals wrap when it is written.
    const std::string fitted = FitTo(line, std::max(width - 1, 1));
    drawn_.push_back(DisplayWidth(fitted));
    absl::StrAppend(&text, fitted, "\n");
  }
  return text;
}

void TerminalDisplay::Draw(const std::string& above) {
  // One write per frame, so that nobody sees a half-drawn one.
  std::string frame = Erase();
  absl::StrAppend(&frame, above);
  if (total_ > 0) absl::StrAppend(&frame, Live());
  if (!frame.empty()) console_->Err(frame);
}

void TerminalDisplay::Update(const BuildView& build, const std::vector<size_t>& changed) {
  base::MutexLock lock(&mu_);
  if (finished_) return;
  announced_.resize(build.tasks.size(), false);
  std::string above;
  for (const size_t position : changed) {
    const TaskView& task = build.tasks[position];
    if (!task.ended() || announced_[position]) continue;
    announced_[position] = true;
    if (task.state == TaskView::State::kReused && build.tasks.size() > kScrolledReused) continue;
    const std::string line = FitTo(TaskLine(build, task),
                                   console_->width() > 0 ? console_->width() - 1 : kDefaultColumns);
    if (console_->colours()) {
      const size_t word = StateName(task.state).size();
      absl::StrAppend(&above, "\x1b[", Colour(task.state), "m", line.substr(0, word), "\x1b[0m",
                      line.size() > word ? line.substr(word) : "", "\n");
    } else {
      absl::StrAppend(&above, line, "\n");
    }
  }
  running_.clear();
  waiting_ = queued_ = ended_ = 0;
  total_ = build.tasks.size();
  for (const TaskView& task : build.tasks) {
    waiting_ += task.state == TaskView::State::kWaiting;
    queued_ += task.state == TaskView::State::kQueued;
    ended_ += task.ended();
    if (task.state != TaskView::State::kRunning) continue;
    Line line{TaskLabel(build, task), task.phase, task.worker,   task.done_bytes,
              task.total_bytes,       task.start, task.estimate, task.attempts};
    if (line.start == absl::InfinitePast()) line.start = clock_->Now();
    running_.push_back(std::move(line));
  }
  build_.state = build.state;
  build_.start = build.start;
  build_.failed = build.failed;
  // Byte counts alone wait for the next frame: a fast build would redraw thousands of times a
  // second.
  if (!above.empty()) Draw(above);
}

void TerminalDisplay::Note(absl::string_view text) {
  base::MutexLock lock(&mu_);
  Draw(absl::StrCat(text, "\n"));
}

void TerminalDisplay::Finish(const BuildView& build) {
  {
    base::MutexLock lock(&mu_);
    console_->Err(Erase());
    finished_ = true;
  }
  changed_.SignalAll();
  console_->Out(absl::StrCat(SummaryTable(build), SummaryLine(build)));
  const std::string failures = FailureReport(build);
  if (!failures.empty()) PrintError(*console_, failures);
}

}  // namespace stevedore::cli
