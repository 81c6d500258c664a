// The lines of a Dockerfile: directives, comments, continuations, heredocs.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_LINES_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_LINES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/dockerfile/instruction.h"

namespace stevedore::worker::dockerfile {

// Walks a file instruction by instruction. Not thread-safe.
class LineReader {
 public:
  // `text` must outlive the reader. INVALID_ARGUMENT, beginning with "line N: ", for directives
  // that are wrong or there twice.
  static absl::StatusOr<LineReader> Create(absl::string_view text);

  const Directives& directives() const { return directives_; }

  // The next instruction with its heredocs and line numbers; nullopt at the end. INVALID_ARGUMENT
  // beginning with "line N: ".
  absl::StatusOr<std::optional<Instruction>> Next();

 private:
  explicit LineReader(absl::string_view text) : rest_(text) {}
  absl::Status ReadDirectives();
  // The next physical line, with its end; false at the end of the file.
  bool TakeLine(absl::string_view* line);
  // Joins continuations to `line`.
  std::string JoinLines(absl::string_view line);
  absl::Status TakeHeredoc(int first_line, Heredoc& heredoc);

  absl::string_view rest_;
  int line_ = 0;
  Directives directives_;
};

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_LINES_H_
