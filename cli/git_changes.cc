#include "cli/git_changes.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/program.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

constexpr char kFlag[] = "--changed-since";

// Runs git in `directory`. INVALID_ARGUMENT if there is no git.
absl::StatusOr<base::ProgramResult> Git(const std::string& directory,
                                        std::vector<std::string> arguments, std::stop_token stop,
                                        std::string input = "") {
  arguments.insert(arguments.begin(), {"git", "-C", directory});
  base::ProgramOptions options;
  options.argv = std::move(arguments);
  // A look must neither wait for locks nor write the index of somebody who works here.
  options.environment = {{"GIT_OPTIONAL_LOCKS", "0"}, {"LC_ALL", "C"}};
  options.input = std::move(input);
  options.stop = std::move(stop);
  absl::StatusOr<base::ProgramResult> result = base::RunProgram(options);
  if (absl::IsNotFound(result.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        kFlag, " needs the program git, which is not in PATH; install it, or build without it"));
  }
  return result;
}

std::string Said(const base::ProgramResult& result) {
  return std::string(absl::StripAsciiWhitespace(result.err));
}

// As Git, for calls that always work in a sound repository.
absl::StatusOr<std::string> MustSay(const std::string& directory,
                                    std::vector<std::string> arguments, std::stop_token stop) {
  const std::string call = absl::StrJoin(arguments, " ");
  ASSIGN_OR_RETURN(base::ProgramResult result, Git(directory, std::move(arguments), stop));
  if (result.exit_code == 0) return std::move(result.out);
  return absl::FailedPreconditionError(absl::StrCat(kFlag, ": `git ", call, "` in ", directory,
                                                    " ended with ", result.exit_code, ": ",
                                                    Said(result)));
}

absl::StatusOr<std::string> FindTop(const std::string& directory, std::stop_token stop) {
  ASSIGN_OR_RETURN(base::ProgramResult result,
                   Git(directory, {"rev-parse", "--show-toplevel"}, std::move(stop)));
  absl::string_view top = result.out;
  absl::ConsumeSuffix(&top, "\n");
  if (result.exit_code == 0 && !top.empty()) return std::string(top);
  return absl::InvalidArgumentError(
      absl::StrCat(kFlag, ": ", directory, " is in no git work tree (", Said(result),
                   "); leave the flag out, or run this inside of one"));
}

absl::StatusOr<std::string> FindCommit(const std::string& top, const std::string& ref,
                                       std::stop_token stop) {
  if (ref.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kFlag, " is empty; name a commit, branch or tag, such as HEAD~1"));
  }
  ASSIGN_OR_RETURN(
      base::ProgramResult result,
      Git(top,
          {"rev-parse", "--verify", "--quiet", "--end-of-options", absl::StrCat(ref, "^{commit}")},
          std::move(stop)));
  const std::string commit(absl::StripAsciiWhitespace(result.out));
  if (result.exit_code == 0 && !commit.empty()) return commit;
  return absl::InvalidArgumentError(absl::StrCat(
      kFlag, " ", base::Quoted(ref), ": git knows no such commit in ", top,
      "; correct the name, or fetch it first (a shallow clone has only its latest commits: `git "
      "fetch --unshallow`, in CI often fetch-depth: 0)"));
}

// `:OLDMODE NEWMODE OLDBLOB NEWBLOB STATUS\0PATH\0`, once per path as renames are not looked for.
absl::Status AddTracked(const std::string& out, std::vector<GitChange>& changes) {
  const std::vector<absl::string_view> words = absl::StrSplit(out, '\0', absl::SkipEmpty());
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::vector<absl::string_view> fields = absl::StrSplit(words[i], ' ');
    if (fields.size() != 5 || !absl::StartsWith(fields[0], ":")) {
      return absl::FailedPreconditionError(absl::StrCat(
          kFlag, ": git diff said ", base::Quoted(words[i]), ", which is no line of `--raw`"));
    }
    GitChange change;
    change.path = std::string(words[i + 1]);
    if (absl::StartsWith(fields[0], ":100")) change.old_blob = std::string(fields[2]);
    changes.push_back(std::move(change));
  }
  return absl::OkStatus();
}

// Paths of `ls-files -z`; folders without their slash.
std::vector<std::string> Paths(const std::string& out) {
  std::vector<std::string> paths;
  for (absl::string_view path : absl::StrSplit(out, '\0', absl::SkipEmpty())) {
    absl::ConsumeSuffix(&path, "/");
    paths.emplace_back(path);
  }
  return paths;
}

}  // namespace

absl::StatusOr<GitChanges> ReadGitChanges(const std::string& directory, const std::string& ref,
                                          std::stop_token stop) {
  GitChanges result;
  ASSIGN_OR_RETURN(result.top, FindTop(directory, stop));
  ASSIGN_OR_RETURN(const std::string commit, FindCommit(result.top, ref, stop));
  // Each walks the work tree: side by side they take as long as one.
  absl::StatusOr<std::string> tracked = "", untracked = "", ignored = "";
  {
    const std::jthread diff([&] {
      tracked = MustSay(result.top,
                        {"diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff",
                         "--ignore-submodules=none", commit, "--"},
                        stop);
    });
    const std::jthread others([&] {
      untracked = MustSay(result.top, {"ls-files", "--others", "--exclude-standard", "-z"}, stop);
    });
    ignored = MustSay(result.top,
                      {"ls-files", "--others", "--ignored", "--exclude-standard", "--directory",
                       "--no-empty-directory", "-z"},
                      stop);
  }
  RETURN_IF_ERROR(tracked.status());
  RETURN_IF_ERROR(untracked.status());
  RETURN_IF_ERROR(ignored.status());
  RETURN_IF_ERROR(AddTracked(*tracked, result.changes));
  for (std::string& path : Paths(*untracked)) result.changes.push_back({std::move(path), ""});
  // A file that was removed from the index but is still there is in both lists: keep its blob.
  std::sort(result.changes.begin(), result.changes.end(),
            [](const GitChange& a, const GitChange& b) {
              return a.path != b.path ? a.path < b.path : a.old_blob > b.old_blob;
            });
  result.changes.erase(
      std::unique(result.changes.begin(), result.changes.end(),
                  [](const GitChange& a, const GitChange& b) { return a.path == b.path; }),
      result.changes.end());
  result.ignored = Paths(*ignored);
  std::sort(result.ignored.begin(), result.ignored.end());
  return result;
}

absl::StatusOr<std::map<std::string, std::string>> ReadGitBlobs(
    const std::string& top, const std::vector<std::string>& blobs, std::stop_token stop) {
  std::map<std::string, std::string> contents;
  if (blobs.empty()) return contents;
  ASSIGN_OR_RETURN(const base::ProgramResult result,
                   Git(top, {"cat-file", "--batch"}, std::move(stop),
                       absl::StrCat(absl::StrJoin(blobs, "\n"), "\n")));
  absl::string_view rest = result.out;
  for (const std::string& blob : blobs) {
    // "OBJECT blob SIZE\nCONTENT\n".
    const size_t line = rest.find('\n');
    const std::vector<absl::string_view> fields =
        absl::StrSplit(rest.substr(0, line == absl::string_view::npos ? 0 : line), ' ');
    uint64_t size = 0;
    if (fields.size() != 3 || fields[1] != "blob" || !absl::SimpleAtoi(fields[2], &size) ||
        rest.size() - line < size + 2) {
      return absl::FailedPreconditionError(
          absl::StrCat(kFlag, ": git does not have object ", blob, " in ", top, " (", Said(result),
                       "); fetch it, e.g. with `git fetch --refetch`, or leave the flag out"));
    }
    contents[blob] = std::string(rest.substr(line + 1, size));
    rest.remove_prefix(line + 1 + size + 1);
  }
  return contents;
}

}  // namespace stevedore::cli
