// What BuildKit says about a build, as lines for people.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_PROGRESS_LOG_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_PROGRESS_LOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace moby::buildkit::v1 {
class StatusResponse;
class Vertex;
class VertexLog;
}  // namespace moby::buildkit::v1

namespace stevedore::worker {

// Turns status messages into lines: "#5 [2/3] RUN make", "#5 | its output", "#5 done in 1.2s",
// "#5 cached". Steps are numbered as they begin; what commands print comes whole and in order, each
// line with its step's number. Not thread-safe.
class ProgressLog {
 public:
  // `line` gets each line without its end; `phase` the step that began last, for a progress
  // display, with how many steps are done and known.
  ProgressLog(std::function<void(absl::string_view line)> line,
              std::function<void(const std::string& phase, int done, int known)> phase)
      : line_(std::move(line)), phase_(std::move(phase)) {}

  void Add(const moby::buildkit::v1::StatusResponse& status);

  // Prints what has no line end yet. Call when the build is over.
  void Flush();

  // Name of the step that failed; empty if none did.
  std::string FailedStep() const;
  // The last lines that commands printed, of the step that failed if one did, at most 4 KiB.
  std::string FailedOutput() const;

 private:
  struct Step {
    int number = 0;
    std::string name;
    bool started = false;
    bool completed = false;
    bool failed = false;
    std::string partial;  // Output without its line end.
    std::string tail;     // The last output.
  };

  void AddVertex(const moby::buildkit::v1::Vertex& vertex);
  void AddOutput(const moby::buildkit::v1::VertexLog& log);
  void Print(Step& step, absl::string_view text);
  Step& Announce(Step& step);

  const std::function<void(absl::string_view line)> line_;
  const std::function<void(const std::string& phase, int done, int known)> phase_;
  std::map<std::string, Step> steps_;  // By digest.
  int started_ = 0;
  int completed_ = 0;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_PROGRESS_LOG_H_
