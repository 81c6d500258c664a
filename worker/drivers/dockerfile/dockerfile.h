// A whole Dockerfile: stages and their instructions.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_DOCKERFILE_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_DOCKERFILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/instruction.h"

namespace stevedore::worker::dockerfile {

// Files above this are refused: nobody writes them.
inline constexpr uint64_t kMaxFileBytes = 4 << 20;

// What comments at the head of the file say to its reader.
struct Directives {
  char escape = '\\';
  std::string syntax;  // Image of a frontend; told, not used.
  std::string check;
};

// What FROM begins.
struct Stage {
  std::string name;      // Lower case; empty if it has none.
  std::string image;     // As written: a reference, "scratch" or a stage, with variables.
  std::string platform;  // As written; empty: the platform of the build.
  int line = 0;          // Of FROM.
  int last_line = 0;
  std::vector<Instruction> instructions;  // Without FROM.
};

// A parsed file. A value.
class Dockerfile {
 public:
  // `name` is for messages ("docker/Dockerfile"). INVALID_ARGUMENT with "name:line: ", what was
  // found and what is allowed. RESOURCE_EXHAUSTED above kMaxFileBytes. Thread-safe.
  static absl::StatusOr<Dockerfile> Parse(absl::string_view text, absl::string_view name);

  const std::string& name() const { return name_; }
  const Directives& directives() const { return directives_; }
  // ARGs before the first FROM.
  const std::vector<Instruction>& global_arguments() const { return global_arguments_; }
  // At least one.
  const std::vector<Stage>& stages() const { return stages_; }

  // The stage called `target` (letter case does not count) or numbered so; the last one for "".
  // INVALID_ARGUMENT, listing the names, if there is none.
  absl::StatusOr<size_t> FindTarget(absl::string_view target) const;
  // The stage before number `before` with this name or number, the nearest one of a name.
  std::optional<size_t> FindStage(absl::string_view name, size_t before) const;

  // "Dockerfile:12".
  std::string Place(int line) const;

 private:
  absl::Status AddInstruction(Instruction instruction);
  absl::Status AddStage(const Instruction& from);

  std::string name_;
  Directives directives_;
  std::vector<Instruction> global_arguments_;
  std::vector<Stage> stages_;
};

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_DOCKERFILE_H_
