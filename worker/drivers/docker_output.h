// What an engine says during a build, for the log and for us.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKER_OUTPUT_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKER_OUTPUT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/output_lines.h"
#include "transfer/docker_engine_messages.h"

namespace stevedore::worker {

// Takes the messages of one build of the classic builder: every line of output goes to the log in
// order, nothing left out but bars that move; what the lines tell is kept. Not thread-safe.
class DockerOutput {
 public:
  // Both may be empty. `step` gets "step 2/5" when that begins.
  DockerOutput(std::function<void(absl::string_view line)> log,
               std::function<void(absl::string_view step)> step)
      : log_(std::move(log)), step_(std::move(step)) {}

  void Take(const transfer::EngineMessage& message);
  // The stream has ended: logs what had no line end.
  void Finish();

  // Id of the built image, "sha256:…"; empty if there was none.
  const std::string& image_id() const { return image_id_; }
  // Containers of RUN steps that were started and not said to be removed again, by the 12 digits
  // that are shown. Only a hint: a step can print what it likes.
  const std::vector<std::string>& containers() const { return containers_; }
  // Whether the present step complained about a full disk.
  bool disk_full() const { return disk_full_; }
  // Text of the error that ended the build; empty if there was none.
  const std::string& error() const { return error_; }
  // The error with the step it happened in. The last lines of output are in the log's tail.
  std::string ErrorReport() const;

 private:
  void TakeLine(const std::string& line);
  void Note(const std::string& line);

  const std::function<void(absl::string_view line)> log_;
  const std::function<void(absl::string_view step)> step_;
  base::OutputLines lines_;
  std::string present_step_;  // "Step 2/5 : RUN make".
  std::vector<std::string> containers_;
  bool disk_full_ = false;
  std::string image_id_, error_;
};

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKER_OUTPUT_H_
