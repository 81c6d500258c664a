#include "context/testing/git_workshop.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/program.h"

namespace stevedore::context::testing {
namespace {

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

GitWorkshop::GitWorkshop(std::string directory) : directory_(std::move(directory)) {
  EXPECT_TRUE(base::MakeDirectories(directory_).ok());
  Git({"init", "-q", "-b", "main"});
}

std::string GitWorkshop::Git(const std::vector<std::string>& arguments) const {
  base::ProgramOptions options;
  options.argv = {"git", "-c", "protocol.file.allow=always"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.working_directory = directory_;
  options.time_limit = absl::Seconds(60);
  options.environment = {{"GIT_CONFIG_NOSYSTEM", "1"},
                         {"GIT_CONFIG_GLOBAL", "/dev/null"},
                         {"GIT_AUTHOR_NAME", "Ann"},
                         {"GIT_AUTHOR_EMAIL", "ann@example.com"},
                         {"GIT_AUTHOR_DATE", "2024-01-01T00:00:00Z"},
                         {"GIT_COMMITTER_NAME", "Ann"},
                         {"GIT_COMMITTER_EMAIL", "ann@example.com"},
                         {"GIT_COMMITTER_DATE", "2024-01-01T00:00:00Z"}};
  const absl::StatusOr<base::ProgramResult> result = base::RunProgram(options);
  if (!result.ok() || result->exit_code != 0) {
    ADD_FAILURE() << "git " << absl::StrJoin(arguments, " ") << ": " << result.status() << " "
                  << (result.ok() ? result->err : "");
    return "";
  }
  return std::string(absl::StripSuffix(result->out, "\n"));
}

void GitWorkshop::Write(const std::string& path, absl::string_view content, bool executable) const {
  const std::string full = base::JoinPath(directory_, path);
  EXPECT_TRUE(base::MakeDirectories(FolderOf(full)).ok());
  EXPECT_TRUE(base::WriteFileAtomically(full, content, executable ? 0755 : 0644).ok());
}

void GitWorkshop::Link(const std::string& path, const std::string& target) const {
  const std::string full = base::JoinPath(directory_, path);
  EXPECT_TRUE(base::MakeDirectories(FolderOf(full)).ok());
  EXPECT_EQ(::symlink(target.c_str(), full.c_str()), 0) << full;
}

std::string GitWorkshop::Commit(const std::string& message) const {
  Git({"add", "-A"});
  Git({"commit", "-q", "--allow-empty", "-m", message});
  return Git({"rev-parse", "HEAD"});
}

}  // namespace stevedore::context::testing
