// Which variables an instruction sees.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_VARIABLES_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_VARIABLES_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/platform.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/dockerfile/instruction.h"

namespace stevedore::worker::dockerfile {

// What is given to a build from outside the file. A value.
struct BuildArguments {
  std::map<std::string, std::string> values;
  oci::Platform target_platform;
  oci::Platform build_platform = oci::Platform::Host();
  std::string target_stage;  // As asked for; empty: the last.
};

// Variables before the first FROM: what FROM lines see, and defaults of ARG in stages. A value;
// thread-safe once made.
class GlobalVariables {
 public:
  // TARGETPLATFORM, TARGETOS, TARGETARCH, TARGETVARIANT, the same with BUILD, TARGETSTAGE, then the
  // file's global ARGs. Errors as ExpandWord, with file and line.
  static absl::StatusOr<GlobalVariables> Create(const Dockerfile& file,
                                                const BuildArguments& arguments);

  std::optional<std::string> Find(absl::string_view name) const;
  const std::map<std::string, std::string>& given() const { return given_; }

  // A word of FROM.
  absl::StatusOr<std::string> Expand(absl::string_view word, char escape) const;

 private:
  std::map<std::string, std::string> given_;
  std::map<std::string, std::string, std::less<>> values_;
};

// Variables inside a stage: ARG and ENV in the order in which they came, the later one wins (as in
// BuildKit). A value.
class StageVariables {
 public:
  void Set(const std::string& name, std::string value) { values_[name] = std::move(value); }
  std::optional<std::string> Find(absl::string_view name) const;

  // ARG: what was given, else its default, else the global one of this name.
  absl::Status Declare(const Instruction& arg, const GlobalVariables& global, char escape);

  absl::StatusOr<std::string> Expand(absl::string_view word, char escape) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_VARIABLES_H_
