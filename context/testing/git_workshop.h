// Git repositories for tests, made by the program git.

#ifndef STEVEDORE_CONTEXT_TESTING_GIT_WORKSHOP_H_
#define STEVEDORE_CONTEXT_TESTING_GIT_WORKSHOP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::context::testing {

// One repository with a work tree, whose branch is `main`. Commits are the same on every machine.
// What git refuses fails the test. Not thread-safe.
class GitWorkshop {
 public:
  // Makes an empty repository in the folder `directory`, which is made too.
  explicit GitWorkshop(std::string directory);

  const std::string& path() const { return directory_; }

  // Runs git in the work tree and returns what it printed, without the last line feed.
  std::string Git(const std::vector<std::string>& arguments) const;

  void Write(const std::string& path, absl::string_view content, bool executable = false) const;
  void Link(const std::string& path, const std::string& target) const;
  // Commits everything and returns the commit's id.
  std::string Commit(const std::string& message) const;

 private:
  const std::string directory_;
};

}  // namespace stevedore::context::testing

#endif  // STEVEDORE_CONTEXT_TESTING_GIT_WORKSHOP_H_
