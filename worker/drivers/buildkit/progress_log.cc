#include "worker/drivers/buildkit/progress_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control.pb.h"

namespace stevedore::worker {
namespace {

namespace wire = ::moby::buildkit::v1;

// Of a step's output, kept for the message of its failure.
constexpr size_t kTailBytes = 4 << 10;
// A line without an end is printed in pieces of this size: memory stays bounded.
constexpr size_t kLineBytes = 64 << 10;

double Seconds(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  return static_cast<double>(to.seconds() - from.seconds()) +
         static_cast<double>(to.nanos() - from.nanos()) * 1e-9;
}

}  // namespace

void ProgressLog::Add(const wire::StatusResponse& status) {
  // A step may begin, print and end within one message.
  for (const wire::Vertex& vertex : status.vertexes()) {
    steps_[vertex.digest()].name = vertex.name();
    if (vertex.has_started() && !vertex.has_completed()) AddVertex(vertex);
  }
  for (const wire::VertexLog& log : status.logs()) AddOutput(log);
  for (const wire::VertexWarning& warning : status.warnings()) {
    line_(absl::StrCat("warning: ", warning.short_()));
    for (const std::string& detail : warning.detail()) line_(absl::StrCat("  ", detail));
  }
  for (const wire::Vertex& vertex : status.vertexes()) {
    if (!vertex.has_started() || vertex.has_completed()) AddVertex(vertex);
  }
}

ProgressLog::Step& ProgressLog::Announce(Step& step) {
  if (step.started) return step;
  step.started = true;
  step.number = ++started_;
  line_(absl::StrCat("#", step.number, " ", step.name));
  if (phase_) phase_(step.name, completed_, static_cast<int>(steps_.size()));
  return step;
}

void ProgressLog::AddVertex(const wire::Vertex& vertex) {
  Step& step = steps_[vertex.digest()];
  if (vertex.has_started()) Announce(step);
  if (step.completed) return;
  const bool failed = !vertex.error().empty();
  if (!vertex.has_completed() && !failed) return;
  step.completed = true;
  step.failed = failed;
  ++completed_;
  if (!step.partial.empty()) Print(Announce(step), "\n");
  const std::string mark = absl::StrCat("#", Announce(step).number, " ");
  if (failed) {
    line_(absl::StrCat(mark, "failed: ", vertex.error()));
  } else if (vertex.cached()) {
    line_(absl::StrCat(mark, "cached"));
  } else {
    line_(absl::StrFormat("%sdone in %.1fs", mark, Seconds(vertex.started(), vertex.completed())));
  }
  if (phase_) phase_(step.name, completed_, static_cast<int>(steps_.size()));
}

void ProgressLog::AddOutput(const wire::VertexLog& log) {
  Step& step = steps_[log.vertex()];
  Announce(step);
  step.tail.append(log.msg());
  if (step.tail.size() > kTailBytes) step.tail.erase(0, step.tail.size() - kTailBytes);
  Print(step, log.msg());
}

void ProgressLog::Print(Step& step, absl::string_view text) {
  const auto print = [this, &step](absl::string_view line) {
    // Of a progress bar that was drawn over itself, what was to be seen last.
    while (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    line = line.substr(line.rfind('\r') + 1);
    line_(absl::StrCat("#", step.number, " | ", line));
  };
  step.partial.append(text.data(), text.size());
  absl::string_view rest = step.partial;
  for (size_t end = rest.find('\n'); end != absl::string_view::npos; end = rest.find('\n')) {
    print(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  while (rest.size() > kLineBytes) {
    print(rest.substr(0, kLineBytes));
    rest.remove_prefix(kLineBytes);
  }
  step.partial = std::string(rest);
}

void ProgressLog::Flush() {
  for (auto& [digest, step] : steps_) {
    if (!step.partial.empty()) Print(step, "\n");
  }
}

std::string ProgressLog::FailedStep() const {
  for (const auto& [digest, step] : steps_) {
    if (step.failed) return step.name;
  }
  return "";
}

std::string ProgressLog::FailedOutput() const {
  for (const auto& [digest, step] : steps_) {
    if (step.failed && !step.tail.empty()) return step.tail;
  }
  return "";
}

}  // namespace stevedore::worker
