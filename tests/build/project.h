// A project folder and the command line in it, for tests with real processes.

#ifndef STEVEDORE_TESTS_BUILD_PROJECT_H_
#define STEVEDORE_TESTS_BUILD_PROJECT_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// Absolute path of a program of ours among the test's data: "cli/stevedore-cli".
std::string ProgramPath(const std::string& program);

// What a build left in its --metadata-file, as far as tests ask.
struct BuildOutcome {
  std::string id;
  std::string state;
  std::map<std::string, std::string> states;   // By image id.
  std::map<std::string, std::string> digests;  // By image id.
  std::map<std::string, int> attempts;         // By image id.
  std::map<std::string, std::string> workers;  // By image id: who had it last.
  std::map<std::string, std::vector<std::string>> causes;
  std::map<std::string, std::string> tags;  // Reference to digest, those that were moved or kept.
};

// A folder with definitions and contexts, and homes of its own for caches and logins. Thread-safe
// once files are written.
class Project {
 public:
  static absl::StatusOr<std::unique_ptr<Project>> Create();

  // Writes a file of the project; folders are made.
  void Write(const std::string& path, const std::string& content) const;
  // Absolute path of something in the project.
  std::string Path(const std::string& path) const;
  // Absolute path of something beside the project, not part of any context.
  std::string Scratch(const std::string& path) const;

  // The small graph that most tests build, all with driver `assemble`:
  //   base:1 <- lib:1, web:1.0 <- site:1.0 (parents web and lib: a diamond), and lone:1 <- nothing.
  // `registry` is where references point to.
  void WriteGraph(const std::string& registry = "registry.test") const;

  // Runs stevedore-cli in the project and returns what it said. Fails the test if it does not end.
  ProcessResult Cli(std::vector<std::string> arguments,
                    absl::Duration limit = absl::Seconds(100)) const;
  // Starts stevedore-cli in the project.
  std::unique_ptr<Process> StartCli(std::vector<std::string> arguments) const;

  // Reads a --metadata-file; fails the test if it is not one.
  BuildOutcome Outcome(const std::string& metadata_file) const;

  // Writes a docker login for `registry`.
  void Login(const std::string& registry, const std::string& user,
             const std::string& password) const;

 private:
  explicit Project(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}
  ProcessOptions Options(std::vector<std::string> arguments) const;

  const base::TemporaryDirectory directory_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_BUILD_PROJECT_H_
