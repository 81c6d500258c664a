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

// Of a container's id, as it is shown.
constexpr size_t kIdDigits = 12;
constexpr absl::string_view kRunning = " ---> Running in ";
constexpr absl::string_view kRemoved = "Removing intermediate container ";

bool IsEngineLine(absl::string_view line) {
  return absl::StartsWith(line, " ---> ") || absl::StartsWith(line, kRemoved) ||
         absl::StartsWith(line, "Step ");
}

}  // namespace

void DockerOutput::Take(const transfer::EngineMessage& message) {
  const auto take = [this](const std::string& line) { TakeLine(line); };
  // What the engine itself says begins a line, also behind output that had no end.
  if (IsEngineLine(message.stream)) lines_.Finish(take);
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
    disk_full_ = false;
    const std::string number = line.substr(5, line.find(" : ") - 5);
    if (step_) step_(absl::StrCat("step ", number));
    return;
  }
  if (absl::StrContains(line, "No space left on device")) disk_full_ = true;
  absl::string_view rest = line;
  if (absl::ConsumePrefix(&rest, kRunning)) {
    // A step may print such a line too, so this is a hint and no more.
    const absl::string_view id = absl::StripAsciiWhitespace(rest);
    if (id.size() == kIdDigits && id.find_first_not_of("0123456789abcdef") == id.npos) {
      containers_.emplace_back(id);
    }
  } else if (absl::ConsumePrefix(&rest, kRemoved)) {
    const auto known = std::find(containers_.begin(), containers_.end(),
                                 std::string(absl::StripAsciiWhitespace(rest)));
    if (known != containers_.end()) containers_.erase(known);
  }
}

std::string DockerOutput::ErrorReport() const {
  return present_step_.empty() ? error_ : absl::StrCat(present_step_, ": ", error_);
}

}  // namespace stevedore::worker
