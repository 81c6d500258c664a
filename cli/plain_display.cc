#include "cli/plain_display.h"

#include "absl/strings/str_cat.h"
#include "cli/build_json.h"
#include "cli/summary.h"

namespace stevedore::cli {
namespace {

// Failures on standard error, as every style shows them.
void PrintFailures(Console& console, const BuildView& build) {
  const std::string failures = FailureReport(build);
  if (!failures.empty()) PrintError(console, failures);
}

}  // namespace

void PlainDisplay::Update(const BuildView& build, const std::vector<size_t>& changed) {
  shown_.resize(build.tasks.size(), TaskView::State::kWaiting);
  std::string text;
  for (const size_t position : changed) {
    const TaskView& task = build.tasks[position];
    if (task.state == shown_[position]) continue;  // Phases are too many for a log file.
    shown_[position] = task.state;
    if (task.ended()) {
      absl::StrAppend(&text, TaskLine(build, task), "\n");
    } else if (task.state == TaskView::State::kRunning) {
      absl::StrAppend(&text, "running ", TaskLabel(build, task));
      if (!task.worker.empty()) absl::StrAppend(&text, " on ", task.worker);
      if (task.attempts > 1) absl::StrAppend(&text, ", attempt ", task.attempts);
      absl::StrAppend(&text, "\n");
    }
  }
  if (!text.empty()) console_->Err(text);
}

void PlainDisplay::Note(absl::string_view text) { console_->Err(absl::StrCat(text, "\n")); }

void PlainDisplay::Finish(const BuildView& build) {
  console_->Out(absl::StrCat(SummaryTable(build), SummaryLine(build)));
  PrintFailures(*console_, build);
}

void JsonDisplay::Update(const BuildView& build, const std::vector<size_t>& changed) {
  std::string text;
  for (const size_t position : changed) {
    absl::StrAppend(&text, TaskJson(build, build.tasks[position]), "\n");
  }
  if (!text.empty()) console_->Out(text);
}

void JsonDisplay::Note(absl::string_view text) { console_->Out(NoteJson(text) + "\n"); }

void JsonDisplay::Finish(const BuildView& build) { console_->Out(BuildJson(build) + "\n"); }

void QuietDisplay::Finish(const BuildView& build) {
  std::string text;
  for (const TaskView& task : build.tasks) {
    if (!task.digest.empty()) absl::StrAppend(&text, task.reference, "@", task.digest, "\n");
  }
  console_->Out(text);
  PrintFailures(*console_, build);
}

}  // namespace stevedore::cli
