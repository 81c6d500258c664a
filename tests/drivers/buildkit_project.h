// Definitions with driver `buildkit`, for tests against real daemons.

#ifndef STEVEDORE_TESTS_DRIVERS_BUILDKIT_PROJECT_H_
#define STEVEDORE_TESTS_DRIVERS_BUILDKIT_PROJECT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// A project whose images are built by BuildKit without networks: base:1.0 (busybox, with a RUN of
// its own), web:2.0 on it by arguments, site:3.0 on web by its literal name, and more by AddRun.
// Not thread-safe.
class BuildkitProject {
 public:
  static absl::StatusOr<std::unique_ptr<BuildkitProject>> Create();

  Project& files() { return *files_; }

  // Writes the three, on `registry.test`.
  void WriteFamily();
  // The registry of all images from now on.
  void SetRegistry(const std::string& registry);
  // Adds image `name`:1 on base (or `parent`, as YAML; empty: on nothing) whose Dockerfile runs
  // `run`. `options` goes into the builder's: ", secrets: [...]".
  void AddRun(const std::string& name, const std::string& run, const std::string& options = "",
              const std::string& parent = "base: [\"1.0\"]");
  // Copies a program of this machine with its libraries into the folder `context`/root.
  void CopyProgram(const std::string& program, const std::string& context);

  // Builds the images with all that stand on them into the layout folder Scratch("out").
  ProcessResult ToLayout(std::vector<std::string> images, std::vector<std::string> flags = {});
  std::unique_ptr<Process> StartToLayout(std::vector<std::string> images);
  // The same into the registry.
  ProcessResult ToRegistry(std::vector<std::string> images, std::vector<std::string> flags = {});

  std::unique_ptr<Process> StartToRegistry(std::vector<std::string> images);

  // What the last build left in its metadata file.
  BuildOutcome Outcome() { return files_->Outcome(files_->Scratch("metadata.json")); }
  // skopeo's name of "web:2.0" in the layout, and its config.
  std::string LayoutImage(const std::string& image);
  std::string Config(const std::string& image);

  // Whether a process with this command line is on the machine, in whatever container.
  static bool Runs(absl::string_view command);

 private:
  explicit BuildkitProject(std::unique_ptr<Project> files) : files_(std::move(files)) {}
  void Write();
  std::vector<std::string> Arguments(std::vector<std::string> images,
                                     std::vector<std::string> flags);
  std::vector<std::string> LayoutFlags(std::vector<std::string> flags);
  std::vector<std::string> RegistryFlags(std::vector<std::string> flags);

  const std::unique_ptr<Project> files_;
  std::string registry_ = "registry.test";
  std::string more_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_DRIVERS_BUILDKIT_PROJECT_H_
