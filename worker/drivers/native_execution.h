// The instructions of a Dockerfile's stages, one after another.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_EXECUTION_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_EXECUTION_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/dockerfile/instruction.h"
#include "worker/drivers/dockerfile/variables.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"
#include "worker/drivers/native_copy.h"
#include "worker/drivers/native_images.h"
#include "worker/drivers/native_stage.h"

namespace stevedore::worker::native {

// Executes a stage and those that it needs; layers are planned here, not written. Not thread-safe.
class Execution {
 public:
  // All must outlive the execution and what it returns.
  Execution(const dockerfile::Dockerfile* file, const DriverResources* resources,
            const BuildRequest* request, std::stop_token stop)
      : file_(file),
        resources_(resources),
        request_(request),
        stop_(stop),
        images_(resources, request, stop) {}

  // Executes stage number `target`. INVALID_ARGUMENT and NOT_FOUND with "Dockerfile:12: COPY: ";
  // UNIMPLEMENTED for RUN, naming the drivers that can.
  absl::StatusOr<StageState> Run(size_t target, const dockerfile::BuildArguments& arguments);

 private:
  using Instruction = dockerfile::Instruction;

  absl::StatusOr<const StageState*> StageNumber(size_t index);
  absl::Status StartStage(size_t index, StageState& state);
  absl::Status StartFromImage(size_t index, const std::string& image, StageState& state);
  absl::Status RunTriggers(size_t index, StageState& state);
  absl::Status Execute(size_t index, const Instruction& in, StageState& state);
  absl::Status ExecuteNamed(size_t index, const Instruction& in, StageState& state);

  absl::Status Env(const Instruction& in, StageState& state);
  absl::Status Arg(const Instruction& in, StageState& state);
  absl::Status Label(const Instruction& in, StageState& state);
  absl::Status Expose(const Instruction& in, StageState& state);
  absl::Status Volume(const Instruction& in, StageState& state);
  absl::Status Workdir(const Instruction& in, StageState& state);
  absl::Status User(const Instruction& in, StageState& state);
  absl::Status Command(const Instruction& in, StageState& state);
  absl::Status StopSignal(const Instruction& in, StageState& state);
  absl::Status Health(const Instruction& in, StageState& state);
  absl::Status RunRefused(size_t index, const Instruction& in) const;

  absl::Status CopyOrAdd(size_t index, const Instruction& in, StageState& state);
  absl::StatusOr<CopyOptions> ReadCopyOptions(const Instruction& in, const StageState& state);
  absl::StatusOr<FileView> SourceOf(size_t index, const Instruction& in, const StageState& state);
  absl::StatusOr<FileView> ContextView();
  absl::StatusOr<std::string> HeredocContent(const dockerfile::Heredoc& heredoc,
                                             const StageState& state) const;

  // Adds a step; `layer` may be empty.
  void AddStep(const Instruction& in, const std::string& created_by, LayerBuilder* layer,
               StageState& state);
  absl::StatusOr<std::string> Expand(absl::string_view word, const StageState& state) const {
    return state.variables.Expand(word, file_->directives().escape);
  }
  std::string Absolute(absl::string_view path, const StageState& state) const;

  const dockerfile::Dockerfile* const file_;
  const DriverResources* const resources_;
  const BuildRequest* const request_;
  const std::stop_token stop_;
  ImageFinder images_;
  dockerfile::GlobalVariables global_;
  std::map<size_t, StageState> stages_;  // Those that are done.
  std::optional<FileView> context_;
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_EXECUTION_H_
