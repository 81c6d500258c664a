#include "cli/summary.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/console.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

// Causes beyond this are counted: a changed base can have many.
constexpr size_t kShownCauses = 3;

std::string Elapsed(absl::Time start, absl::Time end) {
  if (start == absl::InfinitePast() || end == absl::InfinitePast()) return "";
  return FormatSeconds(end - start);
}

// What a table can hold of a message: its first line.
std::string FirstLine(const std::string& text) {
  return FitTo(text.substr(0, text.find('\n')), 60);
}

std::string Causes(const TaskView& task) {
  if (task.state == TaskView::State::kSkipped) return absl::StrCat(task.skipped_by, " failed");
  if (task.state == TaskView::State::kFailed) return FirstLine(task.error);
  const size_t shown = std::min(task.causes.size(), kShownCauses);
  std::string text = absl::StrJoin(task.causes.begin(), task.causes.begin() + shown, ", ");
  if (task.causes.size() > shown)
    absl::StrAppend(&text, " and ", task.causes.size() - shown, " more");
  return text;
}

std::string Size(const TaskView& task) {
  return task.image_bytes > 0 ? FormatBytes(task.image_bytes) : "";
}

bool Listed(const BuildView& build, const TaskView& task) {
  return build.tasks.size() <= kSummaryRows || task.state != TaskView::State::kReused;
}

void AppendSkipped(const BuildView& build, const TaskView& failed, std::string& text) {
  std::vector<std::string> skipped;
  for (const TaskView& task : build.tasks) {
    if (task.state == TaskView::State::kSkipped && task.skipped_by == failed.image &&
        task.platform == failed.platform) {
      skipped.push_back(task.image);
    }
  }
  if (skipped.empty()) return;
  const size_t count = skipped.size();
  static constexpr size_t kNamed = 8;
  if (count > kNamed) skipped.resize(kNamed);
  absl::StrAppend(&text, "  skipped because of it: ", absl::StrJoin(skipped, ", "));
  if (count > kNamed) absl::StrAppend(&text, " and ", count - kNamed, " more");
  absl::StrAppend(&text, "\n");
}

}  // namespace

std::string TaskLine(const BuildView& build, const TaskView& task) {
  std::string line = absl::StrCat(StateName(task.state), " ", TaskLabel(build, task));
  if (!task.digest.empty()) absl::StrAppend(&line, " ", ShortDigest(task.digest));
  if (task.image_bytes > 0) absl::StrAppend(&line, " ", FormatBytes(task.image_bytes));
  if (task.state == TaskView::State::kSucceeded || task.state == TaskView::State::kFailed) {
    const std::string elapsed = Elapsed(task.start, task.end);
    if (!elapsed.empty()) absl::StrAppend(&line, " in ", elapsed);
  }
  if (task.state == TaskView::State::kFailed) {
    absl::StrAppend(&line, ": ", FirstLine(task.error));
  } else if (const std::string causes = Causes(task); !causes.empty()) {
    absl::StrAppend(&line, " (", causes, ")");
  }
  return line;
}

std::string SummaryTable(const BuildView& build) {
  std::vector<std::vector<std::string>> rows;
  size_t hidden = 0;
  for (const TaskView& task : build.tasks) {
    if (!Listed(build, task)) {
      ++hidden;
      continue;
    }
    const bool ran =
        task.state == TaskView::State::kSucceeded || task.state == TaskView::State::kFailed;
    rows.push_back({TaskLabel(build, task), std::string(StateName(task.state)),
                    ShortDigest(task.digest), Size(task), ran ? Elapsed(task.start, task.end) : "",
                    Causes(task)});
  }
  std::string text;
  if (!rows.empty()) {
    text = FormatTable({"IMAGE", "STATE", "DIGEST", "SIZE", "TIME", "CAUSE"}, rows);
  }
  if (hidden > 0) absl::StrAppend(&text, "and ", hidden, " more that were reused\n");
  return text;
}

std::string SummaryLine(const BuildView& build) {
  const int unfinished = build.task_count - build.succeeded - build.reused - build.failed -
                         build.skipped - build.cancelled;
  const std::vector<std::pair<int, absl::string_view>> counts = {
      {build.succeeded, " built"}, {build.reused, " reused"},       {build.failed, " failed"},
      {build.skipped, " skipped"}, {build.cancelled, " cancelled"}, {unfinished, " unfinished"}};
  std::vector<std::string> parts;
  for (const auto& [count, word] : counts) {
    if (count > 0) parts.push_back(absl::StrCat(count, word));
  }
  if (parts.empty()) parts.push_back("nothing to do");
  std::string line =
      absl::StrCat("build ", StateName(build.state), ": ", absl::StrJoin(parts, ", "));
  const std::string elapsed = Elapsed(build.start, build.end);
  if (!elapsed.empty()) absl::StrAppend(&line, " in ", elapsed);
  const auto moved = std::count_if(build.tags.begin(), build.tags.end(),
                                   [](const TagView& tag) { return tag.moved; });
  const auto unchanged = std::count_if(build.tags.begin(), build.tags.end(),
                                       [](const TagView& tag) { return tag.unchanged; });
  if (moved > 0) absl::StrAppend(&line, ", ", moved, moved == 1 ? " tag" : " tags", " moved");
  if (unchanged > 0) {
    absl::StrAppend(&line, ", ", unchanged, unchanged == 1 ? " tag was" : " tags were",
                    " there already");
  }
  if (build.state == BuildView::State::kCancelled && !build.error.empty()) {
    absl::StrAppend(&line, "; ", build.error);
  }
  return absl::StrCat(line, "\n");
}

std::string FailureReport(const BuildView& build) {
  std::string text;
  for (const TaskView& task : build.tasks) {
    if (task.state != TaskView::State::kFailed) continue;
    absl::StrAppend(&text, TaskLabel(build, task), " failed: ", task.error, "\n");
    if (task.attempts > 1) absl::StrAppend(&text, "  after ", task.attempts, " attempts\n");
    if (!task.log_tail.empty()) {
      absl::StrAppend(&text, "  end of its log:\n");
      for (const absl::string_view line :
           absl::StrSplit(task.log_tail, '\n', absl::SkipWhitespace())) {
        absl::StrAppend(&text, "  | ", line, "\n");
      }
    }
    AppendSkipped(build, task, text);
  }
  if (!build.error.empty() && build.state != BuildView::State::kCancelled) {
    absl::StrAppend(&text, "the build failed: ", build.error, "\n");
  }
  for (const TagView& tag : build.tags) {
    if (tag.superseded) {
      absl::StrAppend(&text, "tag ", tag.reference, " was not moved: a later build owns it\n");
    } else if (!tag.error.empty()) {
      absl::StrAppend(&text, "tag ", tag.reference, " was not moved: ", tag.error, "\n");
    }
  }
  return text;
}

}  // namespace stevedore::cli
