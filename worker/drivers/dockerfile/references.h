// Which images and stages a Dockerfile needs.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/dockerfile/variables.h"

namespace stevedore::worker::dockerfile {

// An image that a Dockerfile names and that is none of its stages.
struct ExternalImage {
  std::string reference;  // Variables replaced.
  std::string platform;   // Of `FROM --platform`; empty: that of the build.
  int line = 0;           // Where it is named first.
};

// Where the source of `COPY --from` or a mount is.
struct CopySource {
  std::optional<size_t> stage;  // Not set: an image of this `reference`.
  std::string reference;
};

// What `from` in stage number `stage` means: an earlier stage by name or number, else an image.
// INVALID_ARGUMENT for numbers and names of stages that do not come before, and for variables.
absl::StatusOr<CopySource> ResolveCopySource(const Dockerfile& file, size_t stage,
                                             absl::string_view from);

// Numbers of the stages that `target` is made of, in the order of the file. Errors as
// ResolveCopySource, with file and line. Thread-safe, as all here.
absl::StatusOr<std::vector<size_t>> NeededStages(const Dockerfile& file, size_t target,
                                                 const GlobalVariables& variables);

// The images that `target` needs, each reference and platform once, in the order of the file; not
// "scratch". For build keys and for logging in. Triggers of base images are not in it.
absl::StatusOr<std::vector<ExternalImage>> ExternalImages(const Dockerfile& file, size_t target,
                                                          const GlobalVariables& variables);

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_REFERENCES_H_
