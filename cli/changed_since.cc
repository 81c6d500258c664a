#include "cli/changed_since.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownFiles = 3;

// Absolute, `.` and `..` taken out, links left alone.
std::string Absolute(const std::string& path) {
  std::error_code error;
  std::string text = fs::absolute(path.empty() ? "." : path, error).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// Where a path really leads; empty if it leads nowhere.
std::string Real(const std::string& path) {
  char* real = ::realpath(path.empty() ? "." : path.c_str(), nullptr);
  if (real == nullptr) return "";
  std::string text = real;
  ::free(real);
  return text;
}

bool IsYaml(absl::string_view path) {
  return absl::EndsWith(path, ".yaml") || absl::EndsWith(path, ".yml");
}

// Content of a file that may not be there.
absl::StatusOr<std::optional<std::string>> ReadIfThere(const std::string& path) {
  absl::StatusOr<std::string> text = base::ReadFile(path);
  if (absl::IsNotFound(text.status())) return std::optional<std::string>();
  if (!text.ok()) return text.status();
  return std::optional<std::string>(*std::move(text));
}

// A commit cannot become another one.
bool IsCommitId(const std::string& reference) {
  return (reference.size() == 40 || reference.size() == 64) &&
         std::all_of(reference.begin(), reference.end(), absl::ascii_isxdigit);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChangedSince>> ChangedSince::Find(
    const std::string& ref, const graph::Configuration& configuration,
    const std::string& config_path, std::stop_token stop) {
  ASSIGN_OR_RETURN(GitChanges git, ReadGitChanges(Absolute("."), ref, stop));
  auto found = std::unique_ptr<ChangedSince>(new ChangedSince(ref, std::move(git)));
  RETURN_IF_ERROR(found->CompareSettings(configuration, config_path, stop));
  if (found->inputs_.everything.empty()) {
    RETURN_IF_ERROR(found->CompareFiles(configuration, stop));
  }
  ChangedSince* const self = found.get();
  found->inputs_.context_change = [self](const graph::ContextSpec& context) {
    return self->ContextChange(context);
  };
  return found;
}

std::string ChangedSince::Warning() const {
  if (with_ignored_.empty()) return "";
  const size_t more = with_ignored_.size() - 1;
  return absl::StrCat(
      "context ", with_ignored_.front(), more > 0 ? absl::StrCat(" (and ", more, " more)") : "",
      " holds files that git ignores; --changed-since does not see changes in them");
}

std::optional<std::string> ChangedSince::BelowTop(const std::string& path) const {
  if (path == git_.top) return "";
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, git_.top == "/" ? "" : git_.top) ||
      !absl::ConsumePrefix(&rest, "/")) {
    return std::nullopt;
  }
  return std::string(rest);
}

const GitChange* ChangedSince::FindChange(const std::string& path) const {
  const auto found = std::lower_bound(
      git_.changes.begin(), git_.changes.end(), path,
      [](const GitChange& change, const std::string& p) { return change.path < p; });
  return found != git_.changes.end() && found->path == path ? &*found : nullptr;
}

bool ChangedSince::IsIgnored(const std::string& path) const {
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    if (std::binary_search(git_.ignored.begin(), git_.ignored.end(), path.substr(0, end))) {
      return true;
    }
    if (end == std::string::npos) return false;
  }
}

absl::Status ChangedSince::CompareSettings(const graph::Configuration& configuration,
                                           const std::string& config_path, std::stop_token stop) {
  std::vector<std::string> files;
  if (!configuration.file.empty()) files.push_back(configuration.file);
  // One that was removed decided things, too.
  if (config_path.empty()) files.insert(files.end(), {"stevedore.yaml", "stevedore.yml"});
  for (const std::string& file : files) {
    const std::string real = Real(file);
    const std::optional<std::string> path = BelowTop(real.empty() ? Absolute(file) : real);
    if (!path.has_value() || IsIgnored(*path)) {
      inputs_.everything =
          absl::StrCat("the configuration ", file,
                       path.has_value() ? " is ignored by git" : " is outside of the repository");
      return absl::OkStatus();
    }
    const GitChange* change = FindChange(*path);
    if (change == nullptr) continue;
    graph::FileVersions versions{file, std::nullopt, std::nullopt};
    ASSIGN_OR_RETURN(versions.after, ReadIfThere(file));
    if (!change->old_blob.empty()) {
      ASSIGN_OR_RETURN(const auto blobs, ReadGitBlobs(git_.top, {change->old_blob}, stop));
      versions.before = blobs.at(change->old_blob);
    }
    if (!graph::SettingsDiffer(versions)) continue;
    inputs_.everything = absl::StrCat("the settings in ", file, " changed");
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status ChangedSince::CompareFiles(const graph::Configuration& configuration,
                                        std::stop_token stop) {
  std::map<std::string, std::string> changed;  // Path below the top to path for messages.
  RETURN_IF_ERROR(AddDefinitionPath(configuration.images_path, &changed));
  if (configuration.builders_path != configuration.images_path) {
    RETURN_IF_ERROR(AddDefinitionPath(configuration.builders_path, &changed));
  }
  if (!inputs_.everything.empty()) return absl::OkStatus();
  std::vector<std::string> wanted;
  for (const auto& [path, shown] : changed) {
    const GitChange& change = *FindChange(path);
    if (!change.old_blob.empty()) wanted.push_back(change.old_blob);
  }
  ASSIGN_OR_RETURN(auto blobs, ReadGitBlobs(git_.top, wanted, std::move(stop)));
  std::vector<graph::FileVersions> files;
  for (const auto& [path, shown] : changed) {
    const GitChange& change = *FindChange(path);
    graph::FileVersions versions{shown, std::nullopt, std::nullopt};
    ASSIGN_OR_RETURN(versions.after, ReadIfThere(shown));
    if (!change.old_blob.empty()) versions.before = blobs.at(change.old_blob);
    files.push_back(std::move(versions));
  }
  graph::CompareDefinitions(files, configuration.paths_relative_to == graph::PathsRelativeTo::kFile,
                            &inputs_);
  return absl::OkStatus();
}

absl::Status ChangedSince::AddDefinitionFile(const std::string& path,
                                             std::map<std::string, std::string>* changed) {
  const std::string real = Real(path);
  if (real.empty()) return absl::OkStatus();
  const std::optional<std::string> below = BelowTop(real);
  if (!below.has_value() || IsIgnored(*below)) {
    inputs_.everything = absl::StrCat(
        path, below.has_value() ? " is ignored by git" : " is outside of the repository");
    return absl::OkStatus();
  }
  if (FindChange(*below) != nullptr) changed->emplace(*below, path);
  return absl::OkStatus();
}

absl::Status ChangedSince::AddDefinitionPath(const std::string& path,
                                             std::map<std::string, std::string>* changed) {
  const std::string real = Real(path);
  std::error_code error;
  const bool is_folder = !real.empty() && fs::is_directory(real, error);
  // Files that are there, by where links lead; then those that are no more.
  if (!is_folder) {
    RETURN_IF_ERROR(AddDefinitionFile(path, changed));
    const std::optional<std::string> below = BelowTop(Absolute(path));
    if (real.empty() && below.has_value() && FindChange(*below) != nullptr) {
      changed->emplace(*below, path);
    }
    return absl::OkStatus();
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(real, error)) {
    const std::string name = entry.path().filename().string();
    if (!IsYaml(name) || entry.is_directory(error)) continue;
    RETURN_IF_ERROR(AddDefinitionFile(base::JoinPath(path, name), changed));
  }
  if (error) return base::ErrnoStatus(error.value(), absl::StrCat("list ", path));
  const std::optional<std::string> folder = BelowTop(real);
  if (!folder.has_value()) return absl::OkStatus();  // Said for its first file.
  for (const GitChange& change : git_.changes) {
    absl::string_view name = change.path;
    if (!folder->empty() &&
        (!absl::ConsumePrefix(&name, *folder) || !absl::ConsumePrefix(&name, "/"))) {
      continue;
    }
    if (!IsYaml(name) || name.find('/') != absl::string_view::npos) continue;
    changed->emplace(change.path, base::JoinPath(path, std::string(name)));
  }
  return absl::OkStatus();
}

std::optional<std::string> ChangedSince::ContextChange(const graph::ContextSpec& context) {
  if (context.git.has_value()) {
    if (IsCommitId(context.git->reference)) return std::nullopt;
    return absl::StrCat(
        "its context in git, ", context.git->repository, " at ",
        context.git->reference.empty() ? "the default branch" : context.git->reference,
        ", may have moved");
  }
  const std::string& path = context.resolved_path.empty() ? context.path : context.resolved_path;
  const auto [known, is_new] = folders_.try_emplace(path);
  if (is_new) known->second = FolderChange(context.path, path);
  return known->second;
}

std::optional<std::string> ChangedSince::FolderChange(const std::string& shown,
                                                      const std::string& path) {
  // As written, where a link on the way may have changed; and where it leads.
  const std::optional<std::string> written = BelowTop(Absolute(path));
  if (written.has_value()) {
    std::optional<std::string> change = ChangesIn(shown, *written);
    if (change.has_value()) return change;
  }
  const std::string real = Real(path);
  if (real.empty()) return std::nullopt;  // Refused when the context is read.
  const std::optional<std::string> below = BelowTop(real);
  if (!below.has_value()) {
    return absl::StrCat("its context ", shown, " is outside of the repository");
  }
  if (IsIgnored(*below)) return absl::StrCat("its context ", shown, " is ignored by git");
  if (below != written) {
    std::optional<std::string> change = ChangesIn(shown, *below);
    if (change.has_value()) return change;
  }
  const std::string prefix = below->empty() ? "" : absl::StrCat(*below, "/");
  const auto inside = std::lower_bound(git_.ignored.begin(), git_.ignored.end(), prefix);
  if (inside != git_.ignored.end() && absl::StartsWith(*inside, prefix)) {
    with_ignored_.push_back(shown);
  }
  return std::nullopt;
}

std::optional<std::string> ChangedSince::ChangesIn(const std::string& shown,
                                                   const std::string& folder) const {
  for (size_t end = folder.find('/'); !folder.empty(); end = folder.find('/', end + 1)) {
    if (FindChange(folder.substr(0, end)) != nullptr) {
      return absl::StrCat("its context ", shown, " is in ", folder.substr(0, end),
                          ", which changed");
    }
    if (end == std::string::npos) break;
  }
  const std::string prefix = folder.empty() ? "" : absl::StrCat(folder, "/");
  auto change =
      std::lower_bound(git_.changes.begin(), git_.changes.end(), prefix,
                       [](const GitChange& a, const std::string& p) { return a.path < p; });
  std::vector<std::string> names;
  size_t count = 0;
  for (; change != git_.changes.end() && absl::StartsWith(change->path, prefix); ++change) {
    if (++count <= kShownFiles) names.push_back(change->path.substr(prefix.size()));
  }
  if (count == 0) return std::nullopt;
  return absl::StrCat(
      "its context ", shown, " changed: ", absl::StrJoin(names, ", "),
      count > names.size() ? absl::StrCat(" and ", count - names.size(), " more") : "");
}

}  // namespace stevedore::cli
