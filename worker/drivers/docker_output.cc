#include "worker/drivers/docker_output.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace stevedore::worker {
namespace {

// Of the output of a step that failed.
constexpr size_t kLastLines = 20;
constexpr size_t kLastLineBytes = 400;

constexpr absl::string_view kRunning = " ---> Running in ";
constexpr absl::string_view kRemoved = "Removing intermediate container ";

// The engine's own lines, not a step's output.
bool IsEngineLine(absl::string_view line) {
  return absl::StartsWith(line, " ---> ") || absl::StartsWith(line, kRemoved) ||
         absl::StartsWith(line, "Step ");
}

}  // namespace

void DockerOutput::Take(const transfer::EngineMessage& message) {
  const auto take = [this](const std::string& line) { TakeLine(line); };
  if (!message.stream.empty()) lines_.Append(message.stream, take);
  if (!message.aux_json.empty()) {
    if (std::string id = message.AuxText("ID"); !id.empty()) image_id_ = std::move(id);
  }
  if (!message.status.empty() && message.progress.empty()) {
    lines_.Finish(take);
    TakeLine(message.id.empty() ? message.status : absl::StrCat(message.id, ": ", message.status));
  }
  if (!message.error.empty()) {
    lines_.Finish(take);
    error_ = message.error;
    if (log_) log_(absl::StrCat("ERROR: ", error_));
  }
}

void DockerOutput::Finish() {
  lines_.Finish([this](const std::string& line) { TakeLine(line); });
}

void DockerOutput::TakeLine(const std::string& line) {
  if (log_) log_(line);
  Note(line);
}

void DockerOutput::Note(const std::string& line) {
  if (absl::StartsWith(line, "Step ") && absl::StrContains(line, " : ")) {
    present_step_ = line;
    present_lines_.clear();
    const std::string number = line.substr(5, line.find(" : ") - 5);
    if (step_) step_(absl::StrCat("step ", number));
    return;
  }
  absl::string_view rest = line;
  if (absl::ConsumePrefix(&rest, kRunning)) {
    containers_.emplace_back(absl::StripAsciiWhitespace(rest));
  } else if (absl::ConsumePrefix(&rest, kRemoved)) {
    const auto known = std::find(containers_.begin(), containers_.end(),
                                 std::string(absl::StripAsciiWhitespace(rest)));
    if (known != containers_.end()) containers_.erase(known);
  }
  if (IsEngineLine(line) || line.empty()) return;
  present_lines_.push_back(line.substr(0, kLastLineBytes));
  if (present_lines_.size() > kLastLines) present_lines_.pop_front();
}

std::string DockerOutput::ErrorReport() const {
  std::string report;
  if (!present_step_.empty()) absl::StrAppend(&report, present_step_, ": ");
  absl::StrAppend(&report, error_);
  if (present_lines_.empty()) return report;
  absl::StrAppend(&report, "; its last lines:");
  for (const std::string& line : present_lines_) absl::StrAppend(&report, "\n  ", line);
  return report;
}

}  // namespace stevedore::worker
