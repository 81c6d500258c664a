// A git work tree in a temporary folder, made by the real git.

#ifndef STEVEDORE_CLI_TESTING_GIT_TREE_H_
#define STEVEDORE_CLI_TESTING_GIT_TREE_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/program.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli::testing {

// Not thread-safe: git's settings of the user are switched off for the process.
class GitTree {
 public:
  GitTree() : directory_(*base::TemporaryDirectory::Create()) {
    ::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    top_ = std::filesystem::canonical(directory_.path()).string() + "/tree";
    std::filesystem::create_directories(top_);
    Git({"init", "-q", "-b", "main"});
  }

  const std::string& top() const { return top_; }
  std::string Path(const std::string& path) const { return top_ + "/" + path; }

  void Write(const std::string& path, const std::string& content) const {
    const std::filesystem::path file = Path(path);
    std::filesystem::create_directories(file.parent_path());
    ASSERT_OK(base::WriteFileAtomically(file.string(), content));
  }
  void Remove(const std::string& path) const { std::filesystem::remove_all(Path(path)); }

  void Git(std::vector<std::string> arguments) const {
    std::vector<std::string> argv = {
        "git", "-C", top_, "-c", "user.name=t", "-c", "user.email=t@example.com"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    ASSERT_OK_AND_ASSIGN(const base::ProgramResult result, base::RunProgram({.argv = argv}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void Commit(const std::string& message) const {
    Git({"add", "-A"});
    Git({"commit", "-q", "--allow-empty", "-m", message});
  }

 private:
  const base::TemporaryDirectory directory_;
  std::string top_;
};

}  // namespace stevedore::cli::testing

#endif  // STEVEDORE_CLI_TESTING_GIT_TREE_H_
