// `--changed-since REF`: from files that changed in git to what of the project changed.

#ifndef STEVEDORE_CLI_CHANGED_SINCE_H_
#define STEVEDORE_CLI_CHANGED_SINCE_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/git_changes.h"
#include "graph/changed_inputs.h"
#include "graph/configuration.h"
#include "graph/resolved_image.h"

namespace stevedore::cli {

// What changed in the project since a commit. What cannot be decided counts as changed. Not
// thread-safe.
class ChangedSince {
 public:
  // Asks git about the work tree of the working directory and compares configuration and
  // definitions. `config_path`: of --config, or empty. INVALID_ARGUMENT, with the remedy, for a
  // commit that git does not know and where there is no work tree.
  static absl::StatusOr<std::unique_ptr<ChangedSince>> Find(
      const std::string& ref, const graph::Configuration& configuration,
      const std::string& config_path, std::stop_token stop);
  ChangedSince(const ChangedSince&) = delete;
  ChangedSince& operator=(const ChangedSince&) = delete;

  // Uses this object.
  const graph::ChangedInputs& inputs() const { return inputs_; }
  const std::string& ref() const { return ref_; }
  // After a selection: what git could not see, one line, or empty.
  std::string Warning() const;

 private:
  ChangedSince(std::string ref, GitChanges git) : ref_(std::move(ref)), git_(std::move(git)) {}

  // Path relative to the top, or nullopt if it is not below it.
  std::optional<std::string> BelowTop(const std::string& path) const;
  const GitChange* FindChange(const std::string& path) const;
  bool IsIgnored(const std::string& path) const;
  absl::Status CompareSettings(const graph::Configuration& configuration,
                               const std::string& config_path, std::stop_token stop);
  absl::Status CompareFiles(const graph::Configuration& configuration, std::stop_token stop);
  absl::Status AddDefinitionFile(const std::string& path,
                                 std::map<std::string, std::string>* changed);
  absl::Status AddDefinitionPath(const std::string& path,
                                 std::map<std::string, std::string>* changed);
  std::optional<std::string> ContextChange(const graph::ContextSpec& context);
  std::optional<std::string> FolderChange(const std::string& shown, const std::string& path);
  // Files below `folder`, or a link or submodule above it, that changed, as a cause.
  std::optional<std::string> ChangesIn(const std::string& shown, const std::string& folder) const;

  const std::string ref_;
  const GitChanges git_;
  graph::ChangedInputs inputs_;
  std::map<std::string, std::optional<std::string>> folders_;  // By path.
  std::vector<std::string> with_ignored_;  // Contexts that hold files which git ignores.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CHANGED_SINCE_H_
